import test from 'ava';
import {
  SOCK_AUX_GET_LOCAL,
  SOCK_AUX_GET_RSSI,
  SOCK_AUX_GET_TIMESTAMP,
  SOCK_AUX_GET_TTL,
  SOCK_NO_TIMEOUT,
  type SockAux,
  SockDtlsSession,
  type SockRecvBuf,
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
  portOf,
  say,
  server,
  type Teardown,
  text,
  until,
} from '../helpers/socks.js';
import { CONTENT, openSocket, records, Wiretap } from '../helpers/wire.js';

const psk = { id: 'device', key: 'shared' };

/** A connected pair. */
async function pair(t: Teardown, options = {}) {
  const other = server(t, [addPsk(t, psk)]);
  const own = client(t, [addPsk(t, psk)], options);
  return { own, other, ...(await connect(own, other)) };
}

onEachEngine(
  'a completed handshake is told once on either side, before any message of its session',
  async (t) => {
    const other = server(t, [addPsk(t, psk)]);
    const own = client(t, [addPsk(t, psk)]);
    const handle = own.start(other.port);
    // Sent as soon as there is a session, long before either side looks.
    t.is(await own.sock.send(handle, Buffer.from('early'), SOCK_NO_TIMEOUT), 5);
    await until(() => other.count('messagesReceived') === 1, 'the message is there');
    t.like(await other.next(), { res: HANDSHAKE, port: own.port });
    t.like(await other.next(), { res: '5', text: 'early', port: own.port });
    t.like(await own.next(), { res: HANDSHAKE, port: other.port });
    t.is((await own.next(50_000)).res, '-ETIMEDOUT');
    t.is((await other.next(50_000)).res, '-ETIMEDOUT');
  },
);

onEachEngine('with nothing there recv gives up at once or when its time is over', async (t) => {
  const { own } = await pair(t);
  const handle = new SockDtlsSession();
  const data = new Uint8Array(8);
  t.is(say(own.sock.tryRecv(handle, data)), '-EAGAIN');
  t.is(say(await own.sock.recv(handle, data, 0)), '-EAGAIN');
  const started = performance.now();
  t.is(say(await own.sock.recv(handle, data, 40_000)), '-ETIMEDOUT');
  t.true(performance.now() - started >= 40);
  for (const timeout of [-1, Number.NaN, Number.NEGATIVE_INFINITY]) {
    t.is(say(await own.sock.recv(handle, data, timeout)), '-EINVAL');
  }
  t.is(portOf(handle), 0);
});

onEachEngine('several calls may wait, each with its own time; they are served in call order', async (t) => {
  const { own, other, down } = await pair(t);
  const impatient = own.next(20_000);
  const calls = [own.next(), own.next(), own.next()];
  t.is((await impatient).res, '-ETIMEDOUT');
  for (const word of ['one', 'two', 'three']) await other.send(down, word);
  t.deepEqual(
    (await Promise.all(calls)).map((call) => call.text),
    ['one', 'two', 'three'],
  );
});

test('every record is one message, as long as it was, from 1 byte to 16,384', async (t) => {
  const { own, other, up } = await pair(t);
  for (const length of [1, 2, 255, 256, 1200, 9000, 16_384]) {
    const message = Buffer.alloc(length, length % 251);
    t.is(await own.sock.send(up, message), length);
    const data = new Uint8Array(16_384);
    t.is(await other.sock.recv(new SockDtlsSession(), data, 20_000_000), length);
    t.deepEqual(Buffer.from(data.subarray(0, length)), message);
  }
});

onEachEngine('an empty record is no message', async (t) => {
  const { own, other, up } = await pair(t);
  t.is(await own.sock.send(up, null), 0);
  t.is(await own.sock.sendv(up, []), 0);
  t.is(await own.sock.send(up, new Uint8Array()), 0);
  await own.send(up, 'after');
  t.is((await other.next()).text, 'after');
});

onEachEngine(
  'a message that is longer than the buffer is gone, the buffer untouched, its sender told',
  async (t) => {
    const { own, other, up } = await pair(t);
    await own.send(up, 'far too long');
    await own.send(up, 'fits');
    const handle = new SockDtlsSession();
    const data = new Uint8Array(4).fill(7);
    t.is(say(await other.sock.recv(handle, data, 20_000_000)), '-ENOBUFS');
    t.deepEqual(data, new Uint8Array(4).fill(7));
    t.is(portOf(handle), own.port);
    t.is(await other.sock.recv(handle, data, 20_000_000), 4);
    t.is(text(data), 'fits');
  },
);

onEachEngine('a handshake that the peer refuses with an alert is -ECONNREFUSED, once', async (t) => {
  const other = server(t, [addPsk(t, { id: 'another', key: 'secret' })]);
  const own = client(t, [addPsk(t, psk)], { retransmitMs: 50 });
  t.like(await own.attempt(other.port), { res: '-ECONNREFUSED', port: other.port });
  t.is((await own.next(50_000)).res, '-ETIMEDOUT');
  t.is(own.count('sessions'), 0);
});

test('a peer that we refuse is -ECONNABORTED, once', async (t) => {
  const other = server(t, [addKeyPair(t)]);
  const own = client(t, [addKeyPair(t)], { verifyPublicKey: true });
  t.like(await own.attempt(other.port), { res: '-ECONNABORTED', port: other.port });
  t.is((await own.next(50_000)).res, '-ETIMEDOUT');
  t.is(own.count('sessions'), 0);
});

onEachEngine('a peer that does not answer is -ETIMEDOUT, once, with its endpoint', async (t) => {
  const sink = await openSocket(t);
  const { port } = sink.address();
  const own = client(t, [addPsk(t, psk)], { retransmitMs: 30, handshakeLifetimeMs: 200 });
  t.like(await own.attempt(port), { res: '-ETIMEDOUT', port });
  t.like(await own.next(50_000), { res: '-ETIMEDOUT', port: 0 });
  t.true(own.count('datagramsSent') >= 3);
});

onEachEngine(
  'an established session that the peer closes is -ECONNRESET, once, behind its messages',
  async (t) => {
    const { own, other, down } = await pair(t);
    await other.send(down, 'last words');
    other.sock.sessionDestroy(down);
    t.is((await own.next()).text, 'last words');
    t.like(await own.next(), { res: '-ECONNRESET', port: other.port });
    t.is((await own.next(50_000)).res, '-ETIMEDOUT');
  },
);

test('sessions that peers began never make recv fail', async (t) => {
  const other = server(t, [addPsk(t, psk), addKeyPair(t)], {
    verifyPublicKey: true,
    handshakeLifetimeMs: 300,
  });
  const waiting = other.next(1_500_000);
  // One that is refused, one that has the wrong key, one that vanishes in its handshake, one that is closed.
  const refused = client(t, [addKeyPair(t)]);
  t.is((await refused.attempt(other.port)).res, '-ECONNREFUSED');
  const wrong = client(t, [addPsk(t, { id: 'device', key: 'wrong' })], { retransmitMs: 50 });
  t.is((await wrong.attempt(other.port)).res, '-ECONNREFUSED');
  const wiretap = await Wiretap.open(t, other.port);
  let passed = 0;
  wiretap.filter = ({ toServer }) => !toServer || passed++ < 2;
  client(t, [addPsk(t, psk)]).start(wiretap.port);
  await until(() => other.count('handshakesFailed') === 3, 'all three have failed');
  t.is((await waiting).res, '-ETIMEDOUT');

  const good = client(t, [addPsk(t, psk)]);
  const { up } = await connect(good, other);
  good.sock.sessionDestroy(up);
  await until(() => other.count('sessions') === 0, 'the session has ended');
  t.is((await other.next(50_000)).res, '-ETIMEDOUT');
});

onEachEngine('a provided buffer holds the message until it is given back to its sock', async (t) => {
  const { own, other, up } = await pair(t);
  await own.send(up, 'provided');
  const buf: SockRecvBuf = { data: null, ctx: null };
  const handle = new SockDtlsSession();
  t.is(await other.sock.recvBuf(handle, buf, 20_000_000), 8);
  t.is(text(buf.data ?? new Uint8Array()), 'provided');
  t.is(portOf(handle), own.port);
  const { ctx } = buf;
  t.is(say(await own.sock.recvBuf(handle, buf, 0)), '-EINVAL', 'the context of another sock');
  t.not(buf.ctx, null);
  t.is(await other.sock.recvBuf(handle, buf, 0), 0);
  t.deepEqual(buf, { data: null, ctx: null });
  t.is(say(await other.sock.recvBuf(handle, { data: null, ctx }, 0)), '-EINVAL', 'given back already');
});

onEachEngine('outcomes of handshakes come through recvBuf, too, and bring no buffer', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const own = client(t, [addPsk(t, psk)]);
  const handle = own.start(other.port);
  const buf: SockRecvBuf = { data: null, ctx: null };
  t.is(say(await own.sock.recvBuf(handle, buf, 20_000_000)), HANDSHAKE);
  t.deepEqual(buf, { data: null, ctx: null });
  t.is(say(await own.sock.recvBuf(handle, buf, 0)), '-EAGAIN');
  t.is(say(await own.sock.recvBufAux(handle, buf, 1000)), '-ETIMEDOUT');
});

test('auxiliary data of a message are told as far as there are any', async (t) => {
  const { own, other, up } = await pair(t);
  const asked = SOCK_AUX_GET_LOCAL | SOCK_AUX_GET_TIMESTAMP | SOCK_AUX_GET_RSSI | SOCK_AUX_GET_TTL;
  for (const provided of [false, true]) {
    const aux: SockAux = { flags: asked };
    const before = Date.now();
    await own.send(up, 'x');
    const handle = new SockDtlsSession();
    const res = provided
      ? await other.sock.recvBufAux(handle, { data: null, ctx: null }, 20_000_000, aux)
      : await other.sock.recvAux(handle, new Uint8Array(8), 20_000_000, aux);
    t.is(res, 1);
    t.deepEqual(aux.local, endpoint(other.port));
    t.is(aux.flags & SOCK_AUX_GET_RSSI, SOCK_AUX_GET_RSSI);
    if (process.platform === 'linux') {
      t.is(aux.flags, SOCK_AUX_GET_RSSI);
      t.is(aux.ttl, 64);
      t.true(Math.abs((aux.timestamp ?? 0) / 1e6 - before) < 5000);
    }
  }
});

test('records that are repeated or changed are dropped, counted, and never answered', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const wiretap = await Wiretap.open(t, other.port);
  const own = client(t, [addPsk(t, psk)]);
  const session = await connect(own, other, wiretap.port);
  await exchange(own, other, session);
  const isData = (data: Buffer) => records(data)[0]?.type === CONTENT.applicationData;
  const record = await wiretap.seen(true, isData, 'a record');
  const answers = wiretap.sent(false).length;
  for (let i = 0; i < 5; i++) wiretap.toServer(record);
  for (let at = 13; at < record.length; at++) {
    const changed = Buffer.from(record);
    // A number that has not been, so that the window does not catch it first.
    changed.writeUIntBE(1000 + at, 5, 6);
    changed[at] = (changed[at] ?? 0) ^ 1;
    wiretap.toServer(changed);
  }
  const forged = record.length - 13;
  await until(() => other.count('recordsForged') === forged, 'every change is noticed');
  await until(() => other.count('recordsReplayed') === 5, 'every repetition is noticed');
  await exchange(own, other, session, 'still here');
  t.is(wiretap.sent(false).length, answers + 1);
});

onEachEngine('messages that find the queue full are dropped and counted, and the rest is kept', async (t) => {
  const other = server(t, [addPsk(t, psk)], { recvQueueMessages: 3 });
  const own = client(t, [addPsk(t, psk)]);
  const { up } = await connect(own, other);
  for (let i = 0; i < 10; i++) await own.send(up, `message ${i}`);
  await until(() => other.count('messagesDropped') === 7, 'seven were dropped');
  for (let i = 0; i < 3; i++) t.is((await other.next()).text, `message ${i}`);
  await own.send(up, 'room again');
  t.is((await other.next()).text, 'room again');
});

onEachEngine('recv fills the handle that it is given, whatever it was set to', async (t) => {
  const { own, other, down } = await pair(t);
  const handle = new SockDtlsSession();
  handle.setUdpEp(endpoint(0));
  await other.send(down, 'x');
  t.is(await own.sock.recv(handle, new Uint8Array(8), 20_000_000), 1);
  t.is(portOf(handle), other.port);
  t.is(await own.sock.send(handle, Buffer.from('y')), 1);
});
