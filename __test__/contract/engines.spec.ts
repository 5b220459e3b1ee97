import test, { type ExecutionContext } from 'ava';
import {
  CREDMAN_TAG_EMPTY,
  CREDMAN_TYPE_ECDSA,
  CREDMAN_TYPE_PSK,
  credman,
  SOCK_DTLS_1_2,
  SOCK_DTLS_1_3,
  SOCK_DTLS_CLIENT,
  SOCK_DTLS_SERVER,
  SockDtls,
  type SockDtlsOptions,
  SockDtlsSession,
} from '../../index.js';
import { newKeyPair } from '../helpers/credentials.js';
import {
  addKeyPair,
  addPsk,
  client,
  connect,
  endpoint,
  HANDSHAKE,
  identityOf,
  newTag,
  openUdp,
  say,
  server,
  text,
} from '../helpers/socks.js';
import { openSocket } from '../helpers/wire.js';

const psk = { id: 'device', key: 'shared' };
const webrtc: SockDtlsOptions = { engine: 'webrtc-dtls', forceRenegotiationInfo: false };

/** What `create` says, for each role. */
function created(t: ExecutionContext, options: SockDtlsOptions, tag: number, version = SOCK_DTLS_1_2) {
  return [SOCK_DTLS_CLIENT, SOCK_DTLS_SERVER].map((role) => {
    const sock = new SockDtls(options);
    t.teardown(() => sock.close());
    return sock.create(openUdp(t), tag, version, role);
  });
}

test('an engine that there is not is named in the error, with those that there are', (t) => {
  for (const engine of ['', 'openssl', 'Native', 'webrtc']) {
    const error = t.throws(() => new SockDtls({ engine: engine as never }), { instanceOf: RangeError });
    t.regex(error.message, /native, webrtc-dtls/);
  }
  t.throws(() => new SockDtls({ engine: 1 as never }), { instanceOf: TypeError });
});

test('without the option the engine is the native one', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const own = client(t, [addPsk(t, psk)], { engine: 'native' });
  const { up } = await connect(own, other);
  t.is(own.sock.sessionInfo(up)?.keyExchange, 'ECDHE_PSK');
});

test('webrtc-dtls refuses options that it cannot keep', (t) => {
  const tag = addPsk(t, psk);
  t.deepEqual(created(t, webrtc, tag), [0, 0]);
  t.deepEqual(created(t, { engine: 'webrtc-dtls' }, tag), [-1, -1]);
  t.deepEqual(created(t, { ...webrtc, forceRenegotiationInfo: true }, tag), [-1, -1]);
  const suites = ['TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256', 'TLS_PSK_WITH_AES_256_CCM_8'];
  t.deepEqual(created(t, { ...webrtc, suites }, tag), [-1, -1]);
  t.deepEqual(created(t, webrtc, tag, SOCK_DTLS_1_3), [-1, -1]);
});

test('a UDP sock is free for another engine when one has refused it', async (t) => {
  const udp = openUdp(t);
  const refused = new SockDtls({ engine: 'webrtc-dtls' });
  t.is(refused.create(udp, addPsk(t, psk), SOCK_DTLS_1_2, SOCK_DTLS_SERVER), -1);
  const withKeys = new SockDtls(webrtc);
  t.is(withKeys.create(udp, addKeyPair(t), SOCK_DTLS_1_2, SOCK_DTLS_SERVER), -1);
  const other = server(t, [addPsk(t, psk)], {}, udp);
  t.is((await client(t, [addPsk(t, psk)]).attempt(other.port)).res, HANDSHAKE);
});

test('webrtc-dtls refuses credentials that it cannot use', (t) => {
  const both = addKeyPair(t, newKeyPair(), [], addPsk(t, psk));
  for (const tag of [addKeyPair(t), both, addPsk(t, { ...psk, hint: 'home' })]) {
    t.deepEqual(created(t, webrtc, tag), [-1, -1]);
    const { sock } = client(t, [addPsk(t, psk)], webrtc);
    t.is(sock.addCredential(tag), -1);
    t.is(sock.getCredentials().length, 1);
    t.is(sock.addCredential(addPsk(t, psk)), 0);
  }
});

test('a credential that webrtc-dtls cannot use and that came later starts and accepts nothing', async (t) => {
  const tag = newTag();
  const params = { ecdsa: newKeyPair() };
  const other = server(t, [addPsk(t, psk), tag], webrtc);
  const own = client(t, [addPsk(t, psk), tag], webrtc);
  t.is(credman.add({ tag, type: CREDMAN_TYPE_ECDSA, params }), 0);
  t.is(say(own.sock.sessionInit(endpoint(other.port), new SockDtlsSession())), '-ECONNABORTED');
  t.is(own.count('sessions'), 0);
  const outsider = client(t, [addPsk(t, psk)], { retransmitMs: 50, handshakeLifetimeMs: 300 });
  t.is((await outsider.attempt(other.port)).res, '-ETIMEDOUT');
  t.true(other.count('hellosRefused') > 1);
  credman.delete(tag, CREDMAN_TYPE_ECDSA);
  t.is((await own.attempt(other.port)).res, HANDSHAKE);
});

test('webrtc-dtls without a credential starts nothing', async (t) => {
  const sink = await openSocket(t);
  sink.on('message', () => t.fail('something was sent'));
  const own = client(t, [], webrtc);
  t.deepEqual(own.sock.getCredentials(), []);
  const session = new SockDtlsSession();
  t.is(say(own.sock.sessionInit(endpoint(sink.address().port), session)), '-ECONNABORTED');
});

test('the client of webrtc-dtls takes the first PSK, whatever the hint of the server', async (t) => {
  const other = server(t, [addPsk(t, { ...psk, id: 'first' }), addPsk(t, { ...psk, id: 'second' })]);
  other.sock.setServerPskIdHint('second');
  const own = client(t, [addPsk(t, { ...psk, id: 'first' }), addPsk(t, { ...psk, id: 'second' })], webrtc);
  const { down } = await connect(own, other);
  t.is(identityOf(other, down), 'first');
});

test('the callback of a webrtc-dtls client chooses, once, without a hint', async (t) => {
  const [first, second] = [addPsk(t, { ...psk, id: 'first' }), addPsk(t, { ...psk, id: 'second' })];
  const other = server(t, [first, second]);
  other.sock.setServerPskIdHint('anything');
  const own = client(t, [first, second], webrtc);
  const hints: (string | null)[] = [];
  own.sock.setClientPskCb(async (_sock, ep, tags, hint) => {
    t.is(ep.port, other.port);
    t.deepEqual(tags, [first, second]);
    hints.push(hint);
    return hints.length === 1 ? second : CREDMAN_TAG_EMPTY;
  });
  t.is(identityOf(other, (await connect(own, other)).down), 'second');
  t.deepEqual(hints, [null]);
});

test('a client whose PSK is gone when it is asked for is told, with webrtc-dtls, and sends nothing', async (t) => {
  const sink = await openSocket(t);
  sink.on('message', () => t.fail('something was sent'));
  const tag = addPsk(t, psk);
  const own = client(t, [tag], webrtc);
  own.sock.setClientPskCb(() => {
    credman.delete(tag, CREDMAN_TYPE_PSK);
    return tag;
  });
  t.is((await own.attempt(sink.address().port)).res, '-ECONNABORTED');
  t.is(own.count('sessions'), 0);
});

test('a message longer than the mtu is -EMSGSIZE with webrtc-dtls, too', async (t) => {
  const other = server(t, [addPsk(t, psk)], webrtc);
  const own = client(t, [addPsk(t, psk)], {
    ...webrtc,
    mtu: 500,
    suites: ['TLS_PSK_WITH_AES_128_CCM_8'],
  });
  const { up } = await connect(own, other);
  // Headers of IPv6 and UDP, record header, explicit nonce, tag.
  const longest = 500 - 48 - 13 - 8 - 8;
  t.is(say(await own.sock.send(up, new Uint8Array(longest + 1))), '-EMSGSIZE');
  t.is(await own.sock.send(up, new Uint8Array(longest).fill(97)), longest);
  t.is((await other.next()).text, 'a'.repeat(longest));
  t.is(text((await own.sock.send(up, null)) === 0 ? Buffer.from('empty') : Buffer.from('')), 'empty');
});
