/**
 * Socks on the loopback address with credentials of their own, and the waits that tests need.
 */

import assert from 'node:assert/strict';
import {
  AF_INET,
  CREDMAN_OK,
  CREDMAN_TYPE_ECDSA,
  CREDMAN_TYPE_PSK,
  credman,
  type EcdsaParams,
  type EcdsaPublicKey,
  type PskParams,
  SOCK_DTLS_1_2,
  SOCK_DTLS_CLIENT,
  SOCK_DTLS_HANDSHAKE,
  SOCK_DTLS_SERVER,
  SOCK_IPV4_EP_ANY,
  SockDtls,
  type SockDtlsOptions,
  SockDtlsSession,
  SockUdp,
  type SockUdpEp,
  strerror,
} from '../../index.js';
import type { Teardown } from '../peers/tool.js';
import { newKeyPair } from './credentials.js';
import { withEngine } from './engines.js';

export type { Teardown } from '../peers/tool.js';

export const LOOPBACK = '127.0.0.1';
/** The longest that a test waits for one thing, in milliseconds; and in microseconds, for the socks. */
export const WAIT_MS = 30_000;
export const WAIT_US = WAIT_MS * 1000;

let lastTag = 1000;

/** A tag that nothing else in this process uses. */
export function newTag(): number {
  return ++lastTag;
}

/** Puts a PSK into the pool until the test is over: its tag. */
export function addPsk(t: Teardown, psk: PskParams, tag = newTag()): number {
  assert.equal(credman.add({ tag, type: CREDMAN_TYPE_PSK, params: { psk } }), CREDMAN_OK);
  t.teardown(() => credman.delete(tag, CREDMAN_TYPE_PSK));
  return tag;
}

/** Puts a key pair into the pool until the test is over: its tag. */
export function addKeyPair(
  t: Teardown,
  pair: EcdsaParams = newKeyPair(),
  clientKeys: EcdsaPublicKey[] = [],
  tag = newTag(),
): number {
  const ecdsa = { ...pair, clientKeys };
  assert.equal(credman.add({ tag, type: CREDMAN_TYPE_ECDSA, params: { ecdsa } }), CREDMAN_OK);
  t.teardown(() => credman.delete(tag, CREDMAN_TYPE_ECDSA));
  return tag;
}

/** A result, readable: `-ETIMEDOUT`, or the number. */
export function say(res: number): string {
  return res < 0 ? `-${strerror(res)}` : String(res);
}

export const HANDSHAKE = say(-SOCK_DTLS_HANDSHAKE);

export function endpoint(port: number, addr = LOOPBACK): SockUdpEp {
  return { family: AF_INET, addr, port, netif: 0 };
}

/** The port of the peer that a handle stands for. */
export function portOf(session: SockDtlsSession): number {
  const ep = endpoint(0);
  session.getUdpEp(ep);
  return ep.port;
}

export function text(data: Uint8Array): string {
  return Buffer.from(data).toString();
}

/** A UDP sock on the loopback address. */
export function openUdp(t: Teardown, port = 0): SockUdp {
  const udp = new SockUdp();
  assert.equal(say(udp.create({ ...SOCK_IPV4_EP_ANY, addr: LOOPBACK, port }, null, 0)), '0');
  t.teardown(() => udp.close());
  return udp;
}

/** One message, or one outcome of a handshake. */
export interface Received {
  /** The result of `recv`, readable. */
  res: string;
  /** The message, empty for an outcome. */
  text: string;
  /** The peer. */
  port: number;
  session: SockDtlsSession;
}

/** A DTLS sock with its UDP sock. */
export class Peer {
  readonly udp: SockUdp;
  readonly sock: SockDtls;
  readonly port: number;

  constructor(t: Teardown, role: number, tags: readonly number[], options: SockDtlsOptions, udp?: SockUdp) {
    this.udp = udp ?? openUdp(t);
    this.sock = new SockDtls(withEngine(t, options));
    assert.equal(this.sock.create(this.udp, tags[0] ?? 0, SOCK_DTLS_1_2, role), 0);
    for (const tag of tags.slice(1)) assert.equal(this.sock.addCredential(tag), 0);
    t.teardown(() => this.sock.close());
    const local = endpoint(0);
    assert.equal(this.udp.getLocal(local), 0);
    this.port = local.port;
  }

  /** The next message or outcome. */
  async next(timeoutUs = WAIT_US): Promise<Received> {
    const session = new SockDtlsSession();
    const data = new Uint8Array(16_384);
    const res = await this.sock.recv(session, data, timeoutUs);
    const message = res >= 0 ? text(data.subarray(0, res)) : '';
    return { res: say(res), text: message, port: portOf(session), session };
  }

  /** Starts a session: the handle. */
  start(port: number): SockDtlsSession {
    const session = new SockDtlsSession();
    assert.equal(say(this.sock.sessionInit(endpoint(port), session)), '1');
    return session;
  }

  /** Starts a session, and waits for what comes of it. */
  async attempt(port: number): Promise<Received> {
    this.start(port);
    return this.next();
  }

  async send(session: SockDtlsSession, message: string): Promise<void> {
    const data = Buffer.from(message);
    assert.equal(say(await this.sock.send(session, data)), String(data.length));
  }

  /** A counter. */
  count(name: string): number {
    const value = this.sock.stats()[name];
    assert.ok(value !== undefined, `there is no counter ${name}`);
    return value;
  }
}

export function server(
  t: Teardown,
  tags: readonly number[],
  options: SockDtlsOptions = {},
  udp?: SockUdp,
): Peer {
  return new Peer(t, SOCK_DTLS_SERVER, tags, options, udp);
}

export function client(
  t: Teardown,
  tags: readonly number[],
  options: SockDtlsOptions = {},
  udp?: SockUdp,
): Peer {
  return new Peer(t, SOCK_DTLS_CLIENT, tags, options, udp);
}

/** Both ends of one session, each end's view of it. */
export interface Connected {
  /** The client's handle. */
  up: SockDtlsSession;
  /** The server's handle. */
  down: SockDtlsSession;
}

/** A completed handshake; the notice of it is fetched on both sides. */
export async function connect(from: Peer, to: Peer, port = to.port): Promise<Connected> {
  const [up, down] = await Promise.all([from.attempt(port), to.next()]);
  assert.equal(up.res, HANDSHAKE);
  assert.equal(down.res, HANDSHAKE);
  return { up: up.session, down: down.session };
}

/** Sends a message each way. */
export async function exchange(
  from: Peer,
  to: Peer,
  { up, down }: Connected,
  message = 'ping',
): Promise<void> {
  await from.send(up, message);
  assert.equal((await to.next()).text, message);
  await to.send(down, `${message} back`);
  assert.equal((await from.next()).text, `${message} back`);
}

/** Waits for a condition that nothing announces. */
export async function until(condition: () => boolean, what: string, ms = WAIT_MS): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The identity that the client of a session has named. */
export function identityOf(peer: Peer, session: SockDtlsSession): string | null {
  const identity = peer.sock.sessionInfo(session)?.pskIdentity ?? null;
  return identity && text(identity);
}
