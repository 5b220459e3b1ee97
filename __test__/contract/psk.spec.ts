import test from 'ava';
import { CREDMAN_TYPE_PSK, credman, SockDtlsSession } from '../../index.js';
import { onEachEngine } from '../helpers/engines.js';
import {
  addKeyPair,
  addPsk,
  client,
  connect,
  endpoint,
  exchange,
  HANDSHAKE,
  identityOf,
  newTag,
  say,
  server,
  type Teardown,
  until,
} from '../helpers/socks.js';
import { ALERT, CONTENT, openSocket, records, Wiretap } from '../helpers/wire.js';

/** Clients whose key is wrong repeat themselves before they are told: soon, here. */
const soon = { retransmitMs: 100 };

/** A server that knows the identities, each with the same key. */
function knowing(t: Teardown, ...ids: string[]) {
  return server(
    t,
    ids.map((id) => addPsk(t, { id, key: 'shared' })),
  );
}

onEachEngine('a client uses the credential that its callback names', async (t) => {
  const other = knowing(t, 'first', 'second', 'third');
  const tags = ['first', 'second', 'third'].map((id) => addPsk(t, { id, key: 'shared' }));
  const own = client(t, tags);
  own.sock.setClientPskCb(() => tags[1] as number);
  const { up, down } = await connect(own, other);
  t.is(identityOf(other, down), 'second');
  t.is(identityOf(own, up), 'second');
});

test("the callback's tag goes before the hint", async (t) => {
  const other = knowing(t, 'hinted', 'chosen');
  t.is(other.sock.setServerPskIdHint('home'), 0);
  const hinted = addPsk(t, { id: 'hinted', key: 'shared', hint: 'home' });
  const chosen = addPsk(t, { id: 'chosen', key: 'shared' });
  const own = client(t, [hinted, chosen]);
  own.sock.setClientPskCb(() => chosen);
  const { down } = await connect(own, other);
  t.is(identityOf(other, down), 'chosen');
});

test("without a callback the first credential whose hint is the server's is used", async (t) => {
  const other = knowing(t, 'none', 'away', 'home 1', 'home 2');
  t.is(other.sock.setServerPskIdHint('home'), 0);
  const own = client(t, [
    addPsk(t, { id: 'none', key: 'shared' }),
    addPsk(t, { id: 'away', key: 'shared', hint: 'away' }),
    addPsk(t, { id: 'home 1', key: 'shared', hint: 'home' }),
    addPsk(t, { id: 'home 2', key: 'shared', hint: 'home' }),
  ]);
  const { down } = await connect(own, other);
  t.is(identityOf(other, down), 'home 1');
});

test('with a hint that no credential has the first PSK is used', async (t) => {
  const other = knowing(t, 'first', 'second');
  t.is(other.sock.setServerPskIdHint('elsewhere'), 0);
  const own = client(t, [
    addPsk(t, { id: 'first', key: 'shared', hint: 'here' }),
    addPsk(t, { id: 'second', key: 'shared' }),
  ]);
  const { down } = await connect(own, other);
  t.is(identityOf(other, down), 'first');
});

test('without a hint from the server the first PSK is used, hint or not', async (t) => {
  const other = knowing(t, 'first', 'second');
  const own = client(t, [
    addPsk(t, { id: 'first', key: 'shared', hint: 'here' }),
    addPsk(t, { id: 'second', key: 'shared' }),
  ]);
  const { down } = await connect(own, other);
  t.is(identityOf(other, down), 'first');
});

test('tags that name no PSK are passed over', async (t) => {
  const other = knowing(t, 'the one');
  const own = client(t, [newTag(), addKeyPair(t), newTag(), addPsk(t, { id: 'the one', key: 'shared' })]);
  const { down } = await connect(own, other);
  t.is(identityOf(other, down), 'the one');
});

test('a hint is forgotten when it is unset', async (t) => {
  const other = knowing(t, 'first', 'hinted');
  const own = client(t, [
    addPsk(t, { id: 'first', key: 'shared' }),
    addPsk(t, { id: 'hinted', key: 'shared', hint: 'home' }),
  ]);
  t.is(other.sock.setServerPskIdHint('home'), 0);
  const hinted = await connect(own, other);
  t.is(identityOf(other, hinted.down), 'hinted');
  own.sock.sessionDestroy(hinted.up);
  t.is(other.sock.setServerPskIdHint(null), 0);
  const { down } = await connect(own, other);
  t.is(identityOf(other, down), 'first');
});

onEachEngine('a server finds the key by the identity, wherever it is in the list', async (t) => {
  const ids = Array.from({ length: 40 }, (_, i) => `device ${i}`);
  const other = server(
    t,
    ids.map((id) => addPsk(t, { id, key: `key of ${id}` })),
  );
  for (const id of ['device 0', 'device 17', 'device 39']) {
    const own = client(t, [addPsk(t, { id, key: `key of ${id}` })]);
    const session = await connect(own, other);
    t.is(identityOf(other, session.down), id);
    await exchange(own, other, session);
  }
});

onEachEngine('of credentials with the same identity a server takes the first in list order', async (t) => {
  const one = addPsk(t, { id: 'twin', key: 'one' });
  const two = addPsk(t, { id: 'twin', key: 'two' });
  const other = server(t, [two, one]);
  const withOne = client(t, [one], soon);
  const withTwo = client(t, [two], soon);
  const { up } = await connect(withTwo, other);
  t.is((await withOne.attempt(other.port)).res, '-ECONNREFUSED');
  withTwo.sock.sessionDestroy(up);
  t.is(other.sock.removeCredential(two), 0);
  await connect(withOne, other);
  t.is((await withTwo.attempt(other.port)).res, '-ECONNREFUSED');
});

test('a tag that is twice in the list counts until it is removed twice', async (t) => {
  const tag = addPsk(t, { id: 'twice', key: 'shared' });
  const other = server(t, [tag, tag], soon);
  t.deepEqual([...other.sock.getCredentials()], [tag, tag]);
  const own = client(t, [tag], soon);
  t.is(other.sock.removeCredential(tag), 0);
  const { up } = await connect(own, other);
  own.sock.sessionDestroy(up);
  t.is(other.sock.removeCredential(tag), 0);
  t.is(other.sock.removeCredential(tag), -1);
  t.is((await own.attempt(other.port)).res, '-ECONNREFUSED');
});

test('identities and keys may be any bytes, of any length', async (t) => {
  const credentials = [
    { id: new Uint8Array(0), key: new Uint8Array([0]) },
    { id: new Uint8Array([0, 255, 10, 0]), key: new Uint8Array(16).fill(255) },
    { id: new Uint8Array(500).fill(7), key: new Uint8Array(300).fill(1) },
    { key: 'a key without an identity, which is the empty one' },
  ];
  for (const psk of credentials) {
    const other = server(t, [addPsk(t, psk)]);
    const own = client(t, [addPsk(t, psk)]);
    const session = await connect(own, other);
    t.deepEqual(other.sock.sessionInfo(session.down)?.pskIdentity ?? null, psk.id ?? new Uint8Array(0));
    await exchange(own, other, session);
  }
});

/** What a server sends in a handshake that fails: content types, epochs and lengths, and the alerts. */
async function refusal(t: Teardown, suite: string, id: string, key: string) {
  const known = addPsk(t, { id: 'known-id', key: 'right' });
  // In the pool, but not among the server's tags.
  addPsk(t, { id: 'pooled-id', key: 'right' });
  const other = server(t, [known], { suites: [suite] });
  const proxy = await Wiretap.open(t, other.port);
  const own = client(t, [addPsk(t, { id, key })], { suites: [suite], ...soon });
  const { res } = await own.attempt(proxy.port);
  await until(() => other.count('sessions') === 0, 'the server has cleared up');
  return {
    res,
    shape: proxy
      .sent(false)
      .map((data) => records(data).map(({ type, epoch, body }) => [type, epoch, body.length])),
    alerts: proxy.alerts(false),
  };
}

for (const suite of ['TLS_PSK_WITH_AES_128_CCM_8', 'TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256']) {
  test(`an unknown identity looks like a wrong key to a guesser, with ${suite}`, async (t) => {
    const wrongKey = await refusal(t, suite, 'known-id', 'wrong');
    t.is(wrongKey.res, '-ECONNREFUSED');
    t.deepEqual(wrongKey.alerts, [[2, ALERT.decryptError]]);
    t.deepEqual(await refusal(t, suite, 'absent-i', 'right'), wrongKey);
    t.deepEqual(await refusal(t, suite, 'absent-i', 'wrong'), wrongKey);
    t.deepEqual(await refusal(t, suite, 'pooled-id', 'right'), { ...wrongKey });
  });
}

onEachEngine('a client without any credential starts no handshake and sends nothing', async (t) => {
  const sink = await openSocket(t);
  sink.on('message', () => t.fail('something was sent'));
  const own = client(t, []);
  t.is(say(own.sock.sessionInit(endpoint(sink.address().port), new SockDtlsSession())), '-ECONNABORTED');
  const session = new SockDtlsSession();
  session.setUdpEp(endpoint(sink.address().port));
  t.is(say(await own.sock.send(session, Buffer.from('secret'), 1_000_000)), '-ECONNABORTED');
  t.is(own.count('datagramsSent'), 0);
  t.is(own.count('sessions'), 0);
});

test('a client whose last PSK is gone when it is asked for fails, and sends nothing in clear', async (t) => {
  const other = knowing(t, 'gone');
  const proxy = await Wiretap.open(t, other.port);
  const tag = addPsk(t, { id: 'gone', key: 'shared' });
  const own = client(t, [tag]);
  own.sock.setClientPskCb(() => {
    credman.delete(tag, CREDMAN_TYPE_PSK);
    return tag;
  });
  const session = new SockDtlsSession();
  session.setUdpEp(endpoint(proxy.port));
  t.is(say(await own.sock.send(session, Buffer.from('the secret message'), 30_000_000)), '-ECONNABORTED');
  t.is((await own.next()).res, '-ECONNABORTED');
  await proxy.seen(true, (data) => records(data)[0]?.type === CONTENT.alert, 'an alert to the server');
  t.deepEqual(proxy.alerts(true), [[2, ALERT.handshakeFailure]]);
  t.false(proxy.sent(true).some((data) => data.includes('secret')));
  t.false(
    proxy
      .sent(true)
      .flatMap(records)
      .some(({ type }) => type === CONTENT.applicationData),
  );
});

onEachEngine('changes of the credentials act on later handshakes only', async (t) => {
  const tag = addPsk(t, { id: 'fleeting', key: 'one' });
  const other = server(t, [tag], soon);
  const own = client(t, [tag], soon);
  const late = client(t, [tag], soon);
  const session = await connect(own, other);
  credman.delete(tag, CREDMAN_TYPE_PSK);
  await exchange(own, other, session, 'still here');
  addPsk(t, { id: 'fleeting', key: 'two' }, tag);
  const second = await connect(late, other);
  await exchange(late, other, second);
  await exchange(own, other, session, 'the old one too');
  t.is(other.count('sessions'), 2);
});

onEachEngine(
  'a server asks for the credential when the handshake needs it, not when it begins',
  async (t) => {
    const tag = newTag();
    const first = addPsk(t, { id: 'other', key: 'other' });
    const other = server(t, [first, tag]);
    const own = client(t, [addPsk(t, { id: 'late', key: 'shared' })]);
    own.sock.setClientPskCb(() => {
      // The server has sent its flight by now.
      addPsk(t, { id: 'late', key: 'shared' }, tag);
      return 0;
    });
    const { down } = await connect(own, other);
    t.is(identityOf(other, down), 'late');
  },
);

test('a handshake with a hint as long as it may be is completed', async (t) => {
  const tag = addPsk(t, { id: 'id', key: 'shared' });
  const hint = 'h'.repeat(32);
  const other = server(t, [tag]);
  t.is(other.sock.setServerPskIdHint(`${hint}h`), -1);
  t.is(other.sock.setServerPskIdHint(hint), 0);
  const own = client(t, [tag]);
  const heard: (string | null)[] = [];
  own.sock.setClientPskCb((_sock, _ep, _tags, got) => {
    heard.push(got);
    return 0;
  });
  own.start(other.port);
  t.is((await own.next()).res, HANDSHAKE);
  t.deepEqual(heard, [hint]);
});
