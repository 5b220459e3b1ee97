/**
 * Who reads a sock, and how the messages of one turn leave.
 */

import test from 'ava';
import { SOCK_DTLS_HANDSHAKE, SockDtls, SockDtlsSession } from '../../index.js';
import { addPsk, client, connect, endpoint, openUdp, say, server, until, WAIT_US } from '../helpers/socks.js';

const psk = { id: 'reader', key: 'a key of the tests' };
const readers = ['loop', 'thread'] as const;

test('a reader that there is not is named in the error, with those that there are', (t) => {
  const wrong = { message: "options.reader: there is no reader 'poll', only loop, thread" };
  t.throws(() => new SockDtls({ reader: 'poll' as never }), { instanceOf: RangeError, ...wrong });
  t.throws(() => new SockDtls({ reader: 1 as never }), { instanceOf: TypeError });
});

for (const reader of readers) {
  test(`tryRecv finds what has come although the event loop gets no turn; reader: ${reader}`, async (t) => {
    const tag = addPsk(t, psk);
    const [to, from] = [server(t, [tag], { reader }), client(t, [tag], { reader })];
    const { up } = await connect(from, to);
    const [session, data] = [new SockDtlsSession(), new Uint8Array(64)];
    for (let round = 0; round < 100; round++) {
      t.is(from.sock.trySend(up, Uint8Array.of(round)), 1);
      const deadline = performance.now() + 20_000;
      let res = to.sock.tryRecv(session, data);
      while (res < 0 && performance.now() < deadline) res = to.sock.tryRecv(session, data);
      t.is(say(res), '1');
      t.is(data[0], round);
    }
    t.is(say(to.sock.tryRecv(session, data)), '-EAGAIN');
  });

  test(`what came in time is received although JavaScript was busy when the time was up; reader: ${reader}`, async (t) => {
    const tag = addPsk(t, psk);
    const [to, from] = [server(t, [tag], { reader }), client(t, [tag], { reader })];
    const { up } = await connect(from, to);
    for (let round = 0; round < 5; round++) {
      const received = to.next(10_000);
      from.sock.trySend(up, Buffer.from('in time'));
      const busy = performance.now() + 40;
      while (performance.now() < busy);
      t.is((await received).text, 'in time');
    }
  });

  test(`messages of one turn arrive whole, in order and each by itself; reader: ${reader}`, async (t) => {
    const tag = addPsk(t, psk);
    const [to, from] = [server(t, [tag], { reader }), client(t, [tag], { reader })];
    const { up } = await connect(from, to);
    // Runs of the same length, shorter ones behind longer ones, longer ones behind shorter ones, and records over any MTU.
    const lengths = [
      64,
      64,
      64,
      20,
      64,
      65,
      64,
      1,
      1,
      1,
      3000,
      3000,
      16_384,
      2,
      1200,
      1200,
      1199,
      ...Array(100).fill(30),
    ];
    for (let round = 0; round < 5; round++) {
      const sent = lengths.map((length, index) => new Uint8Array(length).fill(index));
      t.deepEqual(
        sent.map((message) => from.sock.trySend(up, message)),
        lengths,
      );
      const [session, data] = [new SockDtlsSession(), new Uint8Array(16_384)];
      for (const message of sent) {
        t.is(say(await to.sock.recv(session, data, WAIT_US)), String(message.length));
        t.true(message.every((byte, at) => data[at] === byte));
      }
    }
    t.is(to.count('recordsForged') + to.count('recordsMalformed'), 0);
  });

  test(`messages of one turn to many peers get to each of them; reader: ${reader}`, async (t) => {
    const tag = addPsk(t, psk);
    const from = server(t, [tag], { reader });
    const peers = Array.from({ length: 12 }, () => client(t, [tag], { reader }));
    const sessions = [];
    for (const peer of peers) sessions.push((await connect(peer, from)).down);
    for (let round = 0; round < 20; round++) {
      for (const session of sessions) {
        for (const message of ['one', 'two', 'four'])
          t.is(from.sock.trySend(session, Buffer.from(message)), message.length);
      }
      for (const peer of peers) {
        for (const message of ['one', 'two', 'four']) t.is((await peer.next()).text, message);
      }
    }
  });

  test(`what a turn has sent precedes the goodbye at its end; reader: ${reader}`, async (t) => {
    const tag = addPsk(t, psk);
    for (const end of ['sessionDestroy', 'close', 'udp.close']) {
      const [to, from] = [server(t, [tag], { reader }), client(t, [tag], { reader })];
      const { down } = await connect(from, to);
      for (const message of ['first', 'second', 'third']) {
        t.is(to.sock.trySend(down, Buffer.from(message)), message.length);
      }
      if (end === 'sessionDestroy') to.sock.sessionDestroy(down);
      else if (end === 'close') to.sock.close();
      else to.udp.close();
      const got = [];
      for (let i = 0; i < 4; i++) {
        const { res, text } = await from.next();
        got.push(text || res);
      }
      t.deepEqual(got, ['first', 'second', 'third', '-ECONNRESET'], end);
    }
  });

  test(`after a DTLS sock its UDP sock receives datagrams one by one; reader: ${reader}`, async (t) => {
    const tag = addPsk(t, psk);
    const [to, from] = [server(t, [tag], { reader }), client(t, [tag], { reader })];
    const { up } = await connect(from, to);
    to.sock.close();
    for (let i = 0; i < 100; i++) from.sock.trySend(up, new Uint8Array(50));
    from.sock.close();
    const data = new Uint8Array(2000);
    // What was meant for the DTLS sock may still come, but nothing comes put together.
    for (let i = 0; i < 10; i++) {
      t.is(await from.udp.send(Uint8Array.of(1, 2, 3, i), endpoint(to.port)), 4);
    }
    const ours: number[] = [];
    while (ours.length < 10) {
      const res = await to.udp.recv(data, WAIT_US);
      t.true(res > 0 && res < 100, say(res));
      if (res === 4) ours.push(data[3] ?? 0);
    }
    t.deepEqual(ours, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test(`a sock may be closed and created again where its message is handled; reader: ${reader}`, async (t) => {
    const tag = addPsk(t, psk);
    const udp = openUdp(t);
    const to = server(t, [tag], { reader }, udp);
    for (let round = 0; round < 20; round++) {
      const from = client(t, [tag], { reader });
      const { up } = await connect(from, to);
      await from.send(up, 'close');
      const received = to.next();
      t.is((await received).text, 'close');
      to.sock.close();
      t.is(to.sock.create(udp, tag, 2, 2), 0);
      t.is((await from.next()).res, '-ECONNRESET');
      from.sock.close();
      from.udp.close();
    }
  });
}

test('socks that are read by the event loop and by a thread talk to each other', async (t) => {
  const tag = addPsk(t, psk);
  for (const [one, other] of [readers, [...readers].reverse()]) {
    const [to, from] = [server(t, [tag], { reader: one }), client(t, [tag], { reader: other })];
    const { up, down } = await connect(from, to);
    await Promise.all([from.send(up, 'there'), to.send(down, 'here')]);
    t.deepEqual([(await to.next()).text, (await from.next()).text], ['there', 'here']);
  }
});

test('a UDP sock that is bound after the DTLS sock was created is read, too', async (t) => {
  const tag = addPsk(t, psk);
  const to = server(t, [tag]);
  for (const reader of readers) {
    const udp = openUdp(t);
    udp.close();
    t.is(udp.create(null, null, 0), 0);
    const sock = new SockDtls({ reader });
    t.teardown(() => sock.close());
    t.is(sock.create(udp, tag, 2, 1), 0);
    const session = new SockDtlsSession();
    t.is(say(sock.sessionInit(endpoint(to.port), session)), '-EADDRNOTAVAIL');
    // Binds it.
    t.is(await udp.send(Uint8Array.of(0), endpoint(to.port)), 1);
    t.is(sock.sessionInit(endpoint(to.port), session), 1);
    t.is(say(await sock.recv(session, new Uint8Array(8), WAIT_US)), say(-SOCK_DTLS_HANDSHAKE));
    await until(() => to.count('handshakesCompleted') > 0, 'the server has a session');
    sock.close();
  }
});
