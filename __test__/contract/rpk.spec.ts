import test from 'ava';
import {
  CREDMAN_TAG_EMPTY,
  CREDMAN_TYPE_ECDSA,
  credman,
  type EcdsaParams,
  type SockDtls,
  type SockUdpEp,
} from '../../index.js';
import { newKeyPair } from '../helpers/credentials.js';
import {
  addKeyPair,
  addPsk,
  client,
  connect,
  endpoint,
  exchange,
  HANDSHAKE,
  newTag,
  type Peer,
  server,
  type Teardown,
  until,
} from '../helpers/socks.js';
import { ALERT, Wiretap } from '../helpers/wire.js';

/** A server and a client that know each other's keys. */
function acquainted(t: Teardown, { ours = newKeyPair(), theirs = newKeyPair() } = {}) {
  const verifyPublicKey = true;
  return {
    own: client(t, [addKeyPair(t, ours, [theirs.publicKey])], { verifyPublicKey }),
    other: server(t, [addKeyPair(t, theirs, [ours.publicKey])], { verifyPublicKey }),
    ours,
    theirs,
  };
}

/** The key that a peer has shown. */
function shown(peer: Peer, session: Parameters<SockDtls['sessionInfo']>[0]) {
  return peer.sock.sessionInfo(session)?.peerPublicKey ?? null;
}

test('both sides show their keys, and know each other by them', async (t) => {
  const { own, other, ours, theirs } = acquainted(t);
  const session = await connect(own, other);
  t.deepEqual(shown(own, session.up), theirs.publicKey);
  t.deepEqual(shown(other, session.down), ours.publicKey);
  t.is(own.sock.sessionInfo(session.up)?.suite, 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256');
  t.is(own.sock.sessionInfo(session.up)?.pskIdentity, null);
  await exchange(own, other, session);
});

test('by default any key is accepted, and told', async (t) => {
  const [ours, theirs] = [newKeyPair(), newKeyPair()];
  const own = client(t, [addKeyPair(t, ours)]);
  const other = server(t, [addKeyPair(t, theirs)]);
  const { up, down } = await connect(own, other);
  t.deepEqual(shown(own, up), theirs.publicKey);
  t.deepEqual(shown(other, down), ours.publicKey);
});

test('with verifyPublicKey a server refuses a stranger with bad_certificate, and serves on', async (t) => {
  const { own, other, theirs } = acquainted(t);
  const wiretap = await Wiretap.open(t, other.port);
  const stranger = client(t, [addKeyPair(t, newKeyPair(), [theirs.publicKey])], { verifyPublicKey: true });
  t.is((await stranger.attempt(wiretap.port)).res, '-ECONNREFUSED');
  t.deepEqual(wiretap.alerts(false), [[2, ALERT.badCertificate]]);
  await until(() => other.count('sessions') === 0, 'the server has cleared up');
  await exchange(own, other, await connect(own, other));
});

test('with verifyPublicKey a client refuses a stranger with bad_certificate', async (t) => {
  const { own } = acquainted(t);
  const stranger = server(t, [addKeyPair(t)]);
  const wiretap = await Wiretap.open(t, stranger.port);
  t.is((await own.attempt(wiretap.port)).res, '-ECONNABORTED');
  await wiretap.seen(true, () => wiretap.alerts(true).length > 0, 'an alert');
  t.deepEqual(wiretap.alerts(true), [[2, ALERT.badCertificate]]);
});

test('keys are accepted that any key pair of the tags lists; none listed refuses everybody', async (t) => {
  const theirs = newKeyPair();
  const stranger = newKeyPair().publicKey;
  const other = server(t, [addKeyPair(t, theirs)]);
  const listed = [addKeyPair(t, newKeyPair(), [stranger]), addKeyPair(t, newKeyPair(), [theirs.publicKey])];
  const own = client(t, listed, { verifyPublicKey: true });
  t.is((await own.attempt(other.port)).res, HANDSHAKE);
  const unlisted = client(t, [addKeyPair(t)], { verifyPublicKey: true });
  t.is((await unlisted.attempt(other.port)).res, '-ECONNABORTED');
  // In the pool, but not among the tags.
  addKeyPair(t, newKeyPair(), [theirs.publicKey]);
  t.is((await unlisted.attempt(other.port)).res, '-ECONNABORTED');
});

test('verifyPublicKey does not touch handshakes with pre-shared keys', async (t) => {
  const psk = { id: 'device', key: 'shared' };
  const own = client(t, [addPsk(t, psk)], { verifyPublicKey: true });
  const other = server(t, [addPsk(t, psk), addKeyPair(t)], { verifyPublicKey: true });
  const session = await connect(own, other);
  t.is(shown(other, session.down), null);
  await exchange(own, other, session);
});

test('a client whose key pair is gone when it is asked for stays anonymous, which verifyPublicKey refuses', async (t) => {
  for (const verifyPublicKey of [false, true]) {
    const other = server(t, [addKeyPair(t)], { verifyPublicKey });
    const tag = newTag();
    addKeyPair(t, newKeyPair(), [], tag);
    const own = client(t, [tag]);
    own.sock.setRpkCb(() => {
      credman.delete(tag, CREDMAN_TYPE_ECDSA);
      return CREDMAN_TAG_EMPTY;
    });
    const { res } = await own.attempt(other.port);
    t.is(res, verifyPublicKey ? '-ECONNREFUSED' : HANDSHAKE);
    if (!verifyPublicKey) t.is(shown(other, (await other.next()).session), null);
  }
});

test('the callback chooses the key pair, on either side, and is told of the peer and the tags', async (t) => {
  const pairs: EcdsaParams[] = [newKeyPair(), newKeyPair(), newKeyPair(), newKeyPair()];
  const tags = pairs.map((pair) => addKeyPair(t, pair));
  const own = client(t, tags.slice(0, 2));
  const other = server(t, tags.slice(2));
  const calls: unknown[] = [];
  own.sock.setRpkCb((sock: SockDtls, ep: SockUdpEp, list: readonly number[]) => {
    calls.push([sock === own.sock, ep, [...list]]);
    return tags[1] as number;
  });
  other.sock.setRpkCb(() => tags[3] as number);
  const { up, down } = await connect(own, other);
  t.deepEqual(calls, [[true, endpoint(other.port), tags.slice(0, 2)]]);
  t.deepEqual(shown(own, up), pairs[3]?.publicKey);
  t.deepEqual(shown(other, down), pairs[1]?.publicKey);
});

test('without a choice the first key pair of the tags is taken', async (t) => {
  const pair = newKeyPair();
  const other = server(t, [newTag(), addPsk(t, { key: 'x' }), addKeyPair(t, pair), addKeyPair(t)]);
  const own = client(t, [addKeyPair(t)]);
  const { up } = await connect(own, other);
  t.deepEqual(shown(own, up), pair.publicKey);
});

/** What a callback may do; `foreign` is a tag in the pool and in nobody's list. */
const answers: [string, (foreign: number) => unknown][] = [
  ['the empty tag', () => CREDMAN_TAG_EMPTY],
  ['a tag that is not in the list', (foreign) => foreign],
  ['no tag at all', () => undefined],
  ['text', () => 'first'],
  ['a fraction', () => 1.5],
  [
    'a throw',
    () => {
      throw new Error('on purpose');
    },
  ],
  ['a rejection', () => Promise.reject(new Error('on purpose'))],
  ['a promise of nonsense', () => Promise.resolve('nonsense')],
  ['a promise of a tag that is not in the list', (foreign) => Promise.resolve(foreign)],
];

for (const [what, answer] of answers) {
  test(`${what} from a callback leaves the choice to the sock`, async (t) => {
    const foreign = addKeyPair(t);
    const pair = newKeyPair();
    const other = server(t, [addKeyPair(t, pair), addKeyPair(t)]);
    other.sock.setRpkCb(() => answer(foreign) as number);
    const own = client(t, [addKeyPair(t)]);
    const { up } = await connect(own, other);
    t.deepEqual(shown(own, up), pair.publicKey);
  });
}

test('a handshake waits for a promise of a callback while the sock serves others', async (t) => {
  const pairs = [newKeyPair(), newKeyPair()];
  const tags = pairs.map((pair) => addKeyPair(t, pair));
  const other = server(t, tags);
  let release: (tag: number) => void = () => {};
  let first = true;
  other.sock.setRpkCb(() => {
    if (!first) return CREDMAN_TAG_EMPTY;
    first = false;
    return new Promise((resolve) => {
      release = resolve;
    });
  });
  const slow = client(t, [addKeyPair(t)], { retransmitMs: 50 });
  const waiting = slow.attempt(other.port);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const quick = client(t, [addKeyPair(t)]);
  const session = await connect(quick, other);
  await exchange(quick, other, session);
  t.deepEqual(shown(quick, session.up), pairs[0]?.publicKey);
  t.is(slow.count('handshakesCompleted'), 0);
  release(tags[1] as number);
  const { res, session: up } = await waiting;
  t.is(res, HANDSHAKE);
  t.deepEqual(shown(slow, up), pairs[1]?.publicKey);
});

test('a callback that never answers holds up nothing but its handshake, which times out', async (t) => {
  const other = server(t, [addKeyPair(t)], { handshakeLifetimeMs: 200 });
  other.sock.setRpkCb(() => new Promise(() => {}));
  const own = client(t, [addKeyPair(t)], { handshakeLifetimeMs: 300, retransmitMs: 50 });
  t.is((await own.attempt(other.port)).res, '-ETIMEDOUT');
  other.sock.setRpkCb(null);
  await exchange(own, other, await connect(own, other));
});

test('a callback may close the sock, and nothing comes of the answer', async (t) => {
  const other = server(t, [addKeyPair(t)]);
  const own = client(t, [addKeyPair(t)]);
  const waiting = own.attempt(other.port);
  const tags = [...own.sock.getCredentials()];
  own.sock.setRpkCb((sock) => {
    sock.close();
    return tags[0] as number;
  });
  t.is((await waiting).res, '-EINVAL');
  await until(() => other.count('sessions') === 0, 'the peer learns of the end');
});

test('a sock with both kinds of credentials serves clients with either', async (t) => {
  const psk = { id: 'device', key: 'shared' };
  const tag = addPsk(t, psk);
  // One tag can hold a credential of each kind.
  addKeyPair(t, newKeyPair(), [], tag);
  const other = server(t, [tag]);
  const byPsk = client(t, [addPsk(t, psk)]);
  const byKey = client(t, [addKeyPair(t)]);
  const one = await connect(byPsk, other);
  const two = await connect(byKey, other);
  t.is(byPsk.sock.sessionInfo(one.up)?.keyExchange, 'ECDHE_PSK');
  t.is(byKey.sock.sessionInfo(two.up)?.keyExchange, 'ECDHE_ECDSA');
  await exchange(byPsk, other, one);
  await exchange(byKey, other, two);
});

test("tinydtls's own suites are among those that are accepted", async (t) => {
  const psk = { id: 'device', key: 'shared' };
  const other = server(t, [addPsk(t, psk), addKeyPair(t)]);
  for (const [tag, suite] of [
    [addPsk(t, psk), 'TLS_PSK_WITH_AES_128_CCM_8'],
    [addKeyPair(t), 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8'],
  ] as const) {
    const own = client(t, [tag], { suites: [suite], groups: ['secp256r1'] });
    const { up } = await connect(own, other);
    t.is(own.sock.sessionInfo(up)?.suite, suite);
  }
});
