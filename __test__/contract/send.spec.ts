import test from 'ava';
import {
  SOCK_AUX_SET_LOCAL,
  SOCK_IPV4_EP_ANY,
  SOCK_IPV6_EP_ANY,
  SOCK_NO_TIMEOUT,
  type SockAux,
  SockDtlsSession,
  SockUdp,
} from '../../index.js';
import { onEachEngine } from '../helpers/engines.js';
import {
  addKeyPair,
  addPsk,
  client,
  connect,
  endpoint,
  exchange,
  HANDSHAKE,
  LOOPBACK,
  say,
  server,
  type Teardown,
  until,
} from '../helpers/socks.js';
import { CONTENT, openSocket, records, Wiretap } from '../helpers/wire.js';

const psk = { id: 'device', key: 'shared' };
const hello = Buffer.from('hello');

async function pair(t: Teardown, options = {}) {
  const other = server(t, [addPsk(t, psk)]);
  const own = client(t, [addPsk(t, psk)], options);
  return { own, other, ...(await connect(own, other)) };
}

/** A handle for a peer that there is no session with. */
function handleFor(port: number, addr = LOOPBACK): SockDtlsSession {
  const handle = new SockDtlsSession();
  handle.setUdpEp(endpoint(port, addr));
  return handle;
}

onEachEngine('send gives the bytes of payload, and the message arrives', async (t) => {
  const { own, other, up } = await pair(t);
  t.is(await own.sock.send(up, hello), 5);
  t.is(own.sock.trySend(up, hello), 5);
  t.is(await own.sock.sendv(up, [Buffer.from('in '), new Uint8Array(), Buffer.from('chunks')]), 9);
  t.is(own.sock.trySendv(up, [Buffer.from('more'), Buffer.from(' chunks')]), 11);
  for (const expected of ['hello', 'hello', 'in chunks', 'more chunks']) {
    t.is((await other.next()).text, expected);
  }
});

onEachEngine('without a session and without time send is -ENOTCONN, and starts nothing', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const own = client(t, [addPsk(t, psk)]);
  const handle = handleFor(other.port);
  t.is(say(await own.sock.send(handle, hello)), '-ENOTCONN');
  t.is(say(await own.sock.send(handle, hello, 0)), '-ENOTCONN');
  t.is(say(own.sock.trySend(handle, hello)), '-ENOTCONN');
  t.is(say(await own.sock.sendv(handle, [hello])), '-ENOTCONN');
  t.is(own.count('sessions'), 0);
  t.is(own.count('datagramsSent'), 0);
});

onEachEngine('while the handshake runs, send without time is -ENOTCONN', (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const own = client(t, [addPsk(t, psk)]);
  const handle = own.start(other.port);
  t.is(say(own.sock.trySend(handle, hello)), '-ENOTCONN');
});

onEachEngine('with time, send starts the handshake itself; recv still tells of it, once', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const own = client(t, [addPsk(t, psk)]);
  t.is(await own.sock.send(handleFor(other.port), hello, SOCK_NO_TIMEOUT), 5);
  t.is((await own.next()).res, HANDSHAKE);
  t.is((await own.next(50_000)).res, '-ETIMEDOUT');
  t.is((await other.next()).res, HANDSHAKE);
  t.is((await other.next()).text, 'hello');
});

onEachEngine('with time, send waits for the handshake that is under way', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const own = client(t, [addPsk(t, psk)]);
  const handle = own.start(other.port);
  t.is(await own.sock.sendv(handle, [hello, hello], 20_000_000), 10);
  t.is(own.count('handshakesCompleted'), 1);
  t.is((await other.next()).res, HANDSHAKE);
  t.is((await other.next()).text, 'hellohello');
});

onEachEngine('sends that wait for one handshake leave in call order, and before later ones', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const own = client(t, [addPsk(t, psk)]);
  const handle = handleFor(other.port);
  const sends = [1, 2, 3].map((i) => own.sock.send(handle, Buffer.from(`early ${i}`), SOCK_NO_TIMEOUT));
  t.is((await own.next()).res, HANDSHAKE);
  t.is(own.sock.trySend(handle, Buffer.from('late')), 4);
  t.deepEqual(await Promise.all(sends), [7, 7, 7]);
  t.is((await other.next()).res, HANDSHAKE);
  for (const expected of ['early 1', 'early 2', 'early 3', 'late']) {
    t.is((await other.next()).text, expected);
  }
});

onEachEngine('what is sent late is what was handed in, to the peer that the handle meant', async (t) => {
  const [one, two] = [server(t, [addPsk(t, psk)]), server(t, [addPsk(t, psk)])];
  const own = client(t, [addPsk(t, psk)]);
  const handle = handleFor(one.port);
  const sending = own.sock.send(handle, hello, SOCK_NO_TIMEOUT);
  handle.setUdpEp(endpoint(two.port));
  t.is(await sending, 5);
  t.is((await one.next()).res, HANDSHAKE);
  t.is((await one.next()).text, 'hello');
  t.is(two.count('datagramsReceived'), 0);
});

onEachEngine('when time is up send is -ETIMEDOUT, and the half-open session is gone', async (t) => {
  const sink = await openSocket(t);
  const { port } = sink.address();
  const own = client(t, [addPsk(t, psk)]);
  const started = performance.now();
  t.is(say(await own.sock.send(handleFor(port), hello, 60_000)), '-ETIMEDOUT');
  t.true(performance.now() - started >= 60);
  t.is(own.count('sessions'), 0);
  t.is((await own.next(30_000)).res, '-ETIMEDOUT', 'nothing else is told of it');
});

onEachEngine('one call that gives up does not take the handshake from another that waits', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const wiretap = await Wiretap.open(t, other.port);
  wiretap.filter = () => false;
  const own = client(t, [addPsk(t, psk)], { retransmitMs: 100 });
  const patient = own.sock.send(handleFor(wiretap.port), Buffer.from('patient'), SOCK_NO_TIMEOUT);
  t.is(say(await own.sock.send(handleFor(wiretap.port), hello, 50_000)), '-ETIMEDOUT');
  wiretap.filter = () => true;
  t.is(await patient, 7);
});

test('a handshake that fails ends the sends that wait for it with its code', async (t) => {
  const other = server(t, [addPsk(t, { id: 'another', key: 'secret' })]);
  const own = client(t, [addPsk(t, psk)], { retransmitMs: 50 });
  const handle = handleFor(other.port);
  const sends = [
    own.sock.send(handle, hello, SOCK_NO_TIMEOUT),
    own.sock.send(handle, hello, SOCK_NO_TIMEOUT),
  ];
  t.deepEqual((await Promise.all(sends)).map(say), ['-ECONNREFUSED', '-ECONNREFUSED']);

  const refused = server(t, [addKeyPair(t)]);
  const verifying = client(t, [addKeyPair(t)], { verifyPublicKey: true });
  const res = await verifying.sock.send(handleFor(refused.port), hello, SOCK_NO_TIMEOUT);
  t.is(say(res), '-ECONNABORTED');
});

onEachEngine('nothing of a message leaves in clear, whatever becomes of the handshake', async (t) => {
  const secret = Buffer.from('the secret message');
  for (const key of ['shared', 'wrong']) {
    const other = server(t, [addPsk(t, psk)]);
    const wiretap = await Wiretap.open(t, other.port);
    const own = client(t, [addPsk(t, { id: 'device', key })], { retransmitMs: 50 });
    const res = await own.sock.send(handleFor(wiretap.port), secret, SOCK_NO_TIMEOUT);
    t.is(say(res), key === 'shared' ? '18' : '-ECONNREFUSED');
    t.true(wiretap.log.length > 3);
    t.false(wiretap.log.some(({ data }) => data.includes('secret')));
    for (const record of wiretap.sent(true).flatMap(records)) {
      t.false(record.type === CONTENT.applicationData && record.epoch === 0);
    }
  }
});

onEachEngine('send refuses what is no peer', async (t) => {
  const own = client(t, [addPsk(t, psk)]);
  const rows: [string, SockDtlsSession, string][] = [
    ['a handle that was never set', new SockDtlsSession(), '-EINVAL'],
    ['port 0', handleFor(0), '-EINVAL'],
    ['text that is no address', handleFor(9, 'nowhere'), '-EINVAL'],
    ['the unspecified address', handleFor(9, '0.0.0.0'), '-EINVAL'],
  ];
  const family = new SockDtlsSession();
  family.setUdpEp({ ...endpoint(9), family: 77 });
  rows.push(['an unknown family', family, '-EAFNOSUPPORT']);
  const six = new SockDtlsSession();
  six.setUdpEp({ ...SOCK_IPV6_EP_ANY, addr: '::1', port: 9 });
  rows.push(['IPv6 from a sock of IPv4', six, '-EAFNOSUPPORT']);
  for (const [what, handle, expected] of rows) {
    t.is(say(await own.sock.send(handle, hello)), expected, what);
    t.is(say(await own.sock.send(handle, hello, 1000)), expected, what);
    t.is(say(own.sock.trySend(handle, hello)), expected, what);
    t.is(say(own.sock.trySendv(handle, [hello])), expected, what);
  }
  t.is(own.count('datagramsSent'), 0);
});

onEachEngine('send refuses a time that is none', async (t) => {
  const { own, up } = await pair(t);
  for (const timeout of [-1, Number.NaN]) {
    t.is(say(await own.sock.send(up, hello, timeout)), '-EINVAL');
    t.is(say(await own.sock.sendv(up, [hello], timeout)), '-EINVAL');
  }
});

test('a message fits one record or is -EMSGSIZE, and the session goes on', async (t) => {
  const { own, other, up, down } = await pair(t);
  t.is(await own.sock.send(up, new Uint8Array(16_384)), 16_384);
  t.is((await other.next()).res, '16384');
  t.is(say(await own.sock.send(up, new Uint8Array(16_385))), '-EMSGSIZE');
  t.is(say(own.sock.trySendv(up, [new Uint8Array(16_384), new Uint8Array(1)])), '-EMSGSIZE');
  await exchange(own, other, { up, down });
});

onEachEngine('an mtu bounds the messages', async (t) => {
  // TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256 adds 13 + 8 + 16 bytes; IPv6 and UDP have 48.
  const fits = 500 - 48 - 37;
  const { own, other, up, down } = await pair(t, { mtu: 500 });
  t.is(await own.sock.send(up, new Uint8Array(fits)), fits);
  t.is((await other.next()).res, String(fits));
  t.is(say(await own.sock.send(up, new Uint8Array(fits + 1))), '-EMSGSIZE');
  await exchange(own, other, { up, down });
});

onEachEngine('after the peer has closed the session, send is -ENOTCONN', async (t) => {
  const { own, other, up, down } = await pair(t);
  other.sock.sessionDestroy(down);
  t.is((await own.next()).res, '-ECONNRESET');
  t.is(say(await own.sock.send(up, hello)), '-ENOTCONN');
  t.is(await own.sock.send(up, hello, SOCK_NO_TIMEOUT), 5);
});

test('a message can leave from a chosen address of a sock that has several', async (t) => {
  const udp = new SockUdp();
  t.is(udp.create(SOCK_IPV4_EP_ANY, null, 0), 0);
  t.teardown(() => udp.close());
  const other = server(t, [addPsk(t, psk)], {}, udp);
  const wiretap = await Wiretap.open(t, other.port);
  const own = client(t, [addPsk(t, psk)]);
  const { down } = await connect(own, other, wiretap.port);
  const aux: SockAux = { flags: SOCK_AUX_SET_LOCAL, local: endpoint(0, '127.0.0.5') };
  t.is(await other.sock.sendAux(down, hello, 0, aux), 5);
  t.is(aux.flags, 0);
  t.is(await other.sock.sendvAux(down, [hello], 0, { ...aux, flags: SOCK_AUX_SET_LOCAL }), 5);
  const from = () => wiretap.log.filter(({ data }) => records(data)[0]?.type === CONTENT.applicationData);
  await until(() => from().length === 2, 'both messages');
  t.deepEqual(
    from().map(({ sender }) => sender),
    ['127.0.0.5', '127.0.0.5'],
  );
  const foreign: SockAux = { flags: SOCK_AUX_SET_LOCAL, local: endpoint(0, '192.0.2.1') };
  t.true((await other.sock.sendAux(down, hello, 0, foreign)) < 0);
  t.is(foreign.flags, SOCK_AUX_SET_LOCAL);
});

onEachEngine('many sends at once all arrive', async (t) => {
  const { own, other, up } = await pair(t);
  // As many as the receiver's socket buffer holds, should nobody read from it meanwhile.
  const count = 150;
  const sends = Array.from({ length: count }, (_, i) => own.sock.send(up, Buffer.from(`message ${i}`)));
  for (const res of await Promise.all(sends)) t.true(res > 0);
  for (let i = 0; i < count; i++) t.is((await other.next()).text, `message ${i}`);
});
