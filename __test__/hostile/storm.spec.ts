/**
 * What strangers send, while good sessions go on.
 */

import { randomInt } from 'node:crypto';
import type { Socket } from 'node:dgram';
import test, { type ExecutionContext } from 'ava';
import type { SockDtlsSession } from '../../index.js';
import {
  addKeyPair,
  addPsk,
  client,
  connect,
  HANDSHAKE,
  LOOPBACK,
  type Peer,
  server,
  until,
} from '../helpers/socks.js';
import { messageType, openSocket, recordHello, Wiretap } from '../helpers/wire.js';

const psk = { id: 'device', key: 'shared' };
const SECONDS = Number(process.env.SOCK_DTLS_STORM_SECONDS ?? 5);
const MEBIBYTE = 2 ** 20;

/** Numbers that a seed determines (mulberry32): a storm that found something can be had again. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let z = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) % bound;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

/** A datagram that is no good: made up, or a good one spoiled. */
function spoil(dice: Dice, good: readonly Buffer[]): Buffer {
  const datagram = Buffer.from(dice.pick(good));
  switch (dice.below(6)) {
    case 0:
      return dice.bytes(dice.below(1500));
    case 1:
      return datagram.subarray(0, dice.below(datagram.length));
    case 2: {
      // A record header that is right, around nonsense.
      const body = dice.bytes(dice.below(200));
      const header = Buffer.from([
        20 + dice.below(4),
        0xfe,
        0xfd,
        0,
        dice.below(2),
        0,
        0,
        0,
        0,
        0,
        dice.below(99),
      ]);
      return Buffer.concat([header, Buffer.of(0, body.length), body]);
    }
    case 3:
      return Buffer.concat([datagram, dice.pick(good)]);
    default:
      for (let flips = 1 + dice.below(8); flips > 0; flips--) {
        const at = dice.below(datagram.length);
        datagram[at] = (datagram[at] ?? 0) ^ (1 << dice.below(8));
      }
      return datagram;
  }
}

/** All datagrams of two real handshakes with a server, those to the server first. */
async function recordHandshakes(t: ExecutionContext, other: Peer, tags: number[]): Promise<Buffer[]> {
  const all: Buffer[] = [];
  for (const tag of tags) {
    const wiretap = await Wiretap.open(t, other.port);
    const own = client(t, [tag]);
    await connect(own, other, wiretap.port);
    all.push(...wiretap.sent(true), ...wiretap.sent(false));
    own.sock.close();
  }
  return all;
}

/** Sends everything back to whom it came from, and keeps what went wrong. */
function echoing(other: Peer): string[] {
  const failures: string[] = [];
  const run = async () => {
    for (;;) {
      const got = await other.next(0xffffffff);
      if (got.res === '-EINVAL') return;
      if (got.res === HANDSHAKE) continue;
      if (got.res.startsWith('-')) failures.push(got.res);
      else other.sock.trySend(got.session, Buffer.from(got.text));
    }
  };
  run().catch((error: unknown) => failures.push(String(error)));
  return failures;
}

/** Echoes one message after the other until told to stop: how many came back right. */
function chatting(own: Peer, session: SockDtlsSession) {
  let stopped = false;
  let echoes = 0;
  const run = async () => {
    while (!stopped) {
      const message = `message ${echoes}`;
      own.sock.trySend(session, Buffer.from(message));
      const got = await own.next(2_000_000);
      // The system may drop a datagram of the storm's size; what comes must be right.
      if (got.res === '-ETIMEDOUT') continue;
      if (got.text !== message) throw new Error(`${got.res}: ${got.text} came back for ${message}`);
      echoes++;
    }
    return echoes;
  };
  const done = run();
  // Awaited in `stop`; an earlier failure must not be unhandled until then.
  done.catch(() => {});
  return {
    stop: () => {
      stopped = true;
      return done;
    },
  };
}

/** The longest that the event loop was kept from its work, in milliseconds. */
function watchLoop(t: ExecutionContext) {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 10);
  t.teardown(() => clearInterval(timer));
  return () => longest;
}

test(`good sessions echo on through ${SECONDS} s of forged, broken and repeated datagrams`, async (t) => {
  t.timeout((SECONDS + 60) * 1000);
  const seed = randomInt(2 ** 31);
  t.log(`seed ${seed}`);
  const dice = new Dice(seed);

  const tags = [addPsk(t, psk), addKeyPair(t)];
  const other = server(t, tags);
  const recorded = await recordHandshakes(t, other, tags);
  const failures = echoing(other);
  const own = client(t, [addPsk(t, psk)]);
  const straight = chatting(own, (await own.attempt(other.port)).session);
  // The path of this one is open to the attacker, in both directions.
  const wiretap = await Wiretap.open(t, other.port);
  const exposed = client(t, [addPsk(t, psk)]);
  const tapped = chatting(exposed, (await exposed.attempt(wiretap.port)).session);

  const attackers: Socket[] = [];
  for (const host of ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4']) {
    for (let i = 0; i < 4; i++) attackers.push(await openSocket(t, 0, host));
  }
  const longestPause = watchLoop(t);
  const started = performance.now();
  const passed = () => (performance.now() - started) / 1000;
  let sent = 0;
  let memory = 0;
  while (passed() < SECONDS) {
    for (let i = 0; i < 20; i++) {
      dice.pick(attackers).send(spoil(dice, recorded), other.port, LOOPBACK);
      const current = wiretap.log.slice(-50).map(({ data }) => data);
      wiretap.toServer(spoil(dice, [...recorded, ...current]));
      wiretap.toClient(spoil(dice, [...recorded, ...current]));
      sent += 3;
    }
    wiretap.log.splice(0, wiretap.log.length - 50);
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (memory === 0 && passed() > SECONDS / 4) memory = process.memoryUsage().rss;
  }
  const [echoes, tappedEchoes] = [await straight.stop(), await tapped.stop()];
  const grown = (process.memoryUsage().rss - memory) / MEBIBYTE;
  t.log(`${sent} bad datagrams; ${echoes} and ${tappedEchoes} echoes; ${Math.round(grown)} MiB more`);
  t.deepEqual(failures, []);
  t.true(echoes > 20 * SECONDS, `${echoes} echoes`);
  t.true(tappedEchoes > 20 * SECONDS, `${tappedEchoes} echoes`);
  t.true(longestPause() < 2000, `the event loop stood still for ${longestPause()} ms`);
  t.true(grown < 64, `${grown} MiB more than after the first quarter`);
  const stats = other.sock.stats();
  for (const counter of ['recordsForged', 'recordsMalformed', 'hellosDropped', 'straysDropped']) {
    t.true(Number(stats[counter]) > 0, counter);
  }
  t.is(stats.handshakesCompleted, 4);
  t.is((await client(t, [addPsk(t, psk)]).attempt(other.port)).res, HANDSHAKE);
});

test('hellos without a cookie make no state and get less than they bring', async (t) => {
  const other = server(t, [addPsk(t, psk), addKeyPair(t)]);
  const own = client(t, [addPsk(t, psk), addKeyPair(t)]);
  const hello = await recordHello(t, (port) => own.start(port));
  const sockets = await Promise.all(['127.0.0.1', '127.0.0.7'].map((host) => openSocket(t, 0, host)));
  const answers: Buffer[] = [];
  for (const socket of sockets) socket.on('message', (data) => answers.push(data));
  const count = 2000;
  for (let i = 0; i < count; i++) {
    // Another random, as another client would have; it follows the headers and the version.
    hello.writeUInt32BE(i, 13 + 12 + 2);
    sockets[i % 2]?.send(hello, other.port, LOOPBACK);
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => answers.length > count / 10, 'many of them are answered');
  t.is(other.count('sessions'), 0);
  t.is(other.count('handshakes'), 0);
  t.true(other.count('helloVerifyRequests') >= answers.length);
  for (const answer of answers) {
    t.true(answer.length <= hello.length);
    t.is(messageType(answer), 3);
  }
});

test('limits hold under a flood of handshakes, for the good sessions and for newcomers', async (t) => {
  const options = { maxHandshakes: 20, maxHandshakesPerAddress: 8, handshakeLifetimeMs: 800 };
  const other = server(t, [addPsk(t, psk)], options);
  const failures = echoing(other);
  const own = client(t, [addPsk(t, psk)]);
  const chat = chatting(own, (await own.attempt(other.port)).session);
  // Clients that vanish once they have shown their cookie: the server has state of them until it gives up.
  const flood: Wiretap[] = [];
  let most = 0;
  for (let i = 0; i < 40; i++) {
    const wiretap = await Wiretap.open(t, other.port);
    flood.push(wiretap);
    let hellos = 0;
    wiretap.filter = ({ toServer }) => (toServer ? ++hellos <= 2 : hellos < 2);
    client(t, [addPsk(t, psk)], { handshakeLifetimeMs: 500 }).start(wiretap.port);
    most = Math.max(most, other.count('handshakes'));
  }
  await until(() => other.count('hellosRefused') > 0, 'the limit is reached');
  most = Math.max(most, other.count('handshakes'));
  t.true(most <= 8, `${most} handshakes of one address`);
  // The address is full, but its sessions live on, and when the handshakes have expired there is room again.
  await until(() => other.count('handshakes') === 0, 'they have expired');
  const late = client(t, [addPsk(t, psk)]);
  t.is((await late.attempt(other.port)).res, HANDSHAKE);
  t.true((await chat.stop()) > 50);
  t.deepEqual(failures, []);
});
