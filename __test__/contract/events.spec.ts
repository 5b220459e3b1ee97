import test from 'ava';
import {
  SOCK_ASYNC_CONN_FIN,
  SOCK_ASYNC_CONN_RDY,
  SOCK_ASYNC_CONN_RECV,
  SOCK_ASYNC_MSG_RECV,
  SOCK_ASYNC_MSG_SENT,
  SOCK_ASYNC_PATH_PROP,
  type SockDtls,
  SockDtlsSession,
} from '../../index.js';
import { onEachEngine } from '../helpers/engines.js';
import {
  addPsk,
  client,
  connect,
  HANDSHAKE,
  type Peer,
  portOf,
  say,
  server,
  type Teardown,
  until,
} from '../helpers/socks.js';
import { openSocket } from '../helpers/wire.js';

const psk = { id: 'device', key: 'shared' };
const READY = SOCK_ASYNC_CONN_RDY | SOCK_ASYNC_CONN_RECV;

/** What a callback was called with; the port is that of the event's session, 0 for none. */
interface Heard {
  flags: number;
  port: number;
}

/** Keeps what happens on a sock. */
function listen({ sock }: Peer): Heard[] {
  const heard: Heard[] = [];
  sock.setCb((from, flags) => {
    const session = new SockDtlsSession();
    const found = from.getEventSession(session);
    heard.push({ flags, port: found ? portOf(session) : 0 });
  });
  return heard;
}

function pair(t: Teardown) {
  return { own: client(t, [addPsk(t, psk)]), other: server(t, [addPsk(t, psk)]) };
}

test('the flags have the values of RIOT', (t) => {
  t.deepEqual(
    [
      SOCK_ASYNC_CONN_RDY,
      SOCK_ASYNC_CONN_FIN,
      SOCK_ASYNC_CONN_RECV,
      SOCK_ASYNC_MSG_RECV,
      SOCK_ASYNC_MSG_SENT,
      SOCK_ASYNC_PATH_PROP,
    ],
    [1, 2, 4, 16, 32, 64],
  );
});

onEachEngine(
  'a completed handshake is one event on either side, with its session, and can be fetched',
  async (t) => {
    const { own, other } = pair(t);
    const [up, down] = [listen(own), listen(other)];
    own.start(other.port);
    await until(() => up.length > 0 && down.length > 0, 'both are told');
    t.deepEqual(up, [{ flags: READY, port: other.port }]);
    t.deepEqual(down, [{ flags: READY, port: own.port }]);
    const handle = new SockDtlsSession();
    t.is(say(other.sock.tryRecv(handle, new Uint8Array(8))), HANDSHAKE);
    t.is(portOf(handle), own.port);
  },
);

onEachEngine('a message is an event of its receiver, and of its sender unless it is empty', async (t) => {
  const { own, other } = pair(t);
  const session = await connect(own, other);
  const [up, down] = [listen(own), listen(other)];
  await own.send(session.up, 'hello');
  await until(() => up.length > 0 && down.length > 0, 'both are told');
  t.deepEqual(up, [{ flags: SOCK_ASYNC_MSG_SENT, port: 0 }]);
  t.deepEqual(down, [{ flags: SOCK_ASYNC_MSG_RECV, port: 0 }]);
  t.is(other.sock.tryRecv(new SockDtlsSession(), new Uint8Array(8)), 5);
  t.is(await own.sock.send(session.up, null), 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.is(up.length, 1);
  t.is(down.length, 1);
});

onEachEngine('a session that the peer ends is an event, one that we end is not', async (t) => {
  const { own, other } = pair(t);
  const session = await connect(own, other);
  const [up, down] = [listen(own), listen(other)];
  own.sock.sessionDestroy(session.up);
  await until(() => down.length > 0, 'the peer is told');
  t.deepEqual(down, [{ flags: SOCK_ASYNC_CONN_FIN, port: own.port }]);
  t.deepEqual(up, []);
});

onEachEngine('a handshake of ours that fails is the end of a session', async (t) => {
  const sink = await openSocket(t);
  const { port } = sink.address();
  const own = client(t, [addPsk(t, psk)], { retransmitMs: 30, handshakeLifetimeMs: 150 });
  const heard = listen(own);
  own.start(port);
  await until(() => heard.length > 0, 'its end');
  t.deepEqual(heard, [{ flags: SOCK_ASYNC_CONN_FIN, port }]);
  t.is((await own.next()).res, '-ETIMEDOUT');
});

onEachEngine('events of several sessions come one session a call', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const heard = listen(other);
  const clients = Array.from({ length: 8 }, () => client(t, [addPsk(t, psk)]));
  const sessions = clients.map((own) => own.start(other.port));
  await until(() => heard.length === clients.length, 'all are ready');
  const ports = clients.map((own) => own.port).sort();
  t.deepEqual(heard.map(({ port }) => port).sort(), ports);
  t.true(heard.every(({ flags }) => flags === READY));
  clients.forEach((own, i) => {
    own.sock.sessionDestroy(sessions[i] as SockDtlsSession);
  });
  await until(() => heard.length === 2 * clients.length, 'all are gone');
  const gone = heard.slice(clients.length);
  t.deepEqual(gone.map(({ port }) => port).sort(), ports);
  t.true(gone.every(({ flags }) => flags === SOCK_ASYNC_CONN_FIN));
});

onEachEngine('flags that pile up are one call', async (t) => {
  const { own, other } = pair(t);
  const session = await connect(own, other);
  const down = listen(other);
  for (let i = 0; i < 20; i++) own.sock.trySend(session.up, Buffer.from(`message ${i}`));
  // This turn of the event loop lasts until all have come.
  const deadline = performance.now() + 10_000;
  while (other.count('messagesReceived') < 20 && performance.now() < deadline);
  t.deepEqual(down, []);
  await until(() => down.length > 0, 'an event');
  t.true(down.length <= 2, `${down.length} calls`);
  for (let i = 0; i < 20; i++) t.is((await other.next()).text, `message ${i}`);
});

onEachEngine('the callback runs on a turn of its own, never inside a call', async (t) => {
  const { own, other } = pair(t);
  const session = await connect(own, other);
  let inside = false;
  const calls: boolean[] = [];
  own.sock.setCb(() => calls.push(inside));
  for (let i = 0; i < 5; i++) {
    inside = true;
    own.sock.trySend(session.up, Buffer.from('x'));
    own.sock.tryRecv(new SockDtlsSession(), new Uint8Array(8));
    inside = false;
    const before = calls.length;
    await until(() => calls.length > before, 'the event of the send');
  }
  t.true(calls.every((during) => !during));
});

onEachEngine(
  'the callback gets its sock and its argument, and none is called once it is unset',
  async (t) => {
    const { own, other } = pair(t);
    const session = await connect(own, other);
    const calls: [SockDtls, unknown][] = [];
    const argument = { any: 'thing' };
    own.sock.setCb((sock, _flags, arg) => calls.push([sock, arg]), argument);
    await own.send(session.up, 'x');
    await until(() => calls.length === 1, 'a call');
    t.is(calls[0]?.[0], own.sock);
    t.is(calls[0]?.[1], argument);
    own.sock.setCb(null);
    await own.send(session.up, 'y');
    await new Promise((resolve) => setTimeout(resolve, 30));
    t.is(calls.length, 1);
  },
);

onEachEngine(
  'getEventSession is false for events without a session, and outside of a callback',
  async (t) => {
    const { own, other } = pair(t);
    const session = await connect(own, other);
    const answers: boolean[] = [];
    other.sock.setCb((sock) => answers.push(sock.getEventSession(new SockDtlsSession())));
    await own.send(session.up, 'x');
    await until(() => answers.length > 0, 'an event');
    t.deepEqual(answers, [false]);
    const handle = new SockDtlsSession();
    t.false(other.sock.getEventSession(handle));
    t.is(portOf(handle), 0);
  },
);

onEachEngine('a callback and waiting calls may be mixed', async (t) => {
  const { own, other } = pair(t);
  const down = listen(other);
  const waiting = other.next();
  const session = own.start(other.port);
  t.is((await waiting).res, HANDSHAKE);
  const message = other.next();
  t.is((await own.next()).res, HANDSHAKE);
  await own.send(session, 'for the call');
  t.is((await message).text, 'for the call');
  await until(() => down.some(({ flags }) => (flags & SOCK_ASYNC_CONN_RDY) !== 0), 'the event, too');
});

onEachEngine('close inside the callback is the last that is heard', async (t) => {
  const { own, other } = pair(t);
  const session = await connect(own, other);
  let calls = 0;
  other.sock.setCb((sock) => {
    calls++;
    sock.close();
  });
  for (let i = 0; i < 5; i++) await own.send(session.up, 'x');
  await until(() => calls > 0, 'a call');
  t.is((await own.next()).res, '-ECONNRESET');
  t.is(calls, 1);
});
