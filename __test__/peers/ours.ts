/**
 * Our own end of a connection: a server that answers, and a client that asks.
 */

import assert from 'node:assert/strict';
import {
  AF_INET,
  errno,
  SOCK_DTLS_1_2,
  SOCK_DTLS_CLIENT,
  SOCK_DTLS_HANDSHAKE,
  SOCK_DTLS_SERVER,
  SOCK_IPV4_EP_ANY,
  SockDtls,
  type SockDtlsOptions,
  SockDtlsSession,
  type SockDtlsSessionInfo,
  SockUdp,
  strerror,
} from '../../index.js';
import { withEngine } from '../helpers/engines.js';
import type { Teardown } from './tool.js';
import { WAIT_MS, Watched } from './waiting.js';

const LOOPBACK = '127.0.0.1';

function open(t: Teardown, tags: readonly number[], role: number, options: SockDtlsOptions): SockDtls {
  const udp = new SockUdp();
  assert.equal(udp.create({ ...SOCK_IPV4_EP_ANY, addr: LOOPBACK }, null, 0), 0);
  const [first, ...others] = tags;
  assert.ok(first !== undefined, 'a credential');
  const sock = new SockDtls(withEngine(t, options));
  assert.equal(sock.create(udp, first, SOCK_DTLS_1_2, role), 0);
  for (const tag of others) assert.equal(sock.addCredential(tag), 0);
  t.teardown(() => {
    sock.close();
    udp.close();
  });
  return sock;
}

/** Makes the answer to a message; null for none. */
export type Answer = (message: Uint8Array) => Uint8Array | null;

/** A server on the loopback address, on a port that the system has chosen. It answers each message, with itself by default. */
export class OurServer {
  readonly sock: SockDtls;
  readonly port: number;
  /** What was negotiated, one for each handshake. */
  readonly handshakes: SockDtlsSessionInfo[] = [];
  /** The messages, as text. */
  readonly messages: string[] = [];
  readonly #watched = new Watched();
  readonly #answer: Answer;
  #failure: string | null = null;

  constructor(
    t: Teardown,
    tags: readonly number[],
    options: SockDtlsOptions = {},
    answer: Answer = (message) => message,
  ) {
    this.sock = open(t, tags, SOCK_DTLS_SERVER, options);
    this.#answer = answer;
    const local = { ...SOCK_IPV4_EP_ANY };
    assert.equal(this.sock.getUdpSock()?.getLocal(local), 0);
    this.port = local.port;
    this.#serve().catch((error: unknown) => this.#fail(String(error)));
  }

  async #serve(): Promise<void> {
    const session = new SockDtlsSession();
    const data = new Uint8Array(16_384);
    for (;;) {
      const res = await this.sock.recv(session, data);
      if (res === -errno.EINVAL) return;
      if (res === -SOCK_DTLS_HANDSHAKE) {
        const info = this.sock.sessionInfo(session);
        if (info === null) this.#fail('a handshake has completed, but there is no session');
        else this.handshakes.push(info);
      } else if (res < 0) {
        this.#fail(`recv: ${strerror(res)}`);
      } else {
        this.messages.push(Buffer.from(data.subarray(0, res)).toString());
        const answer = this.#answer(data.slice(0, res));
        const sent = answer && (await this.sock.send(session, answer));
        if (sent !== null && sent < 0) this.#fail(`send: ${strerror(sent)}`);
      }
      this.#watched.changed();
    }
  }

  #fail(failure: string): void {
    this.#failure ??= failure;
    this.#watched.changed();
  }

  #until<T>(find: () => T | undefined, what: string): Promise<T> {
    return this.#watched.until(
      () => {
        if (this.#failure !== null) throw new Error(this.#failure);
        return find();
      },
      () => `the server has no ${what}: ${JSON.stringify(this.sock.stats())}`,
    );
  }

  /** Waits until there is no session: the peer hears of its refusal a moment before the sock has cleared up. */
  async empty(): Promise<void> {
    const poll = setInterval(() => this.#watched.changed(), 2);
    try {
      await this.#until(() => (this.sock.stats().sessions === 0 ? true : undefined), 'end of its sessions');
    } finally {
      clearInterval(poll);
    }
  }

  /** Waits for a completed handshake: what was negotiated. The first is number 0. */
  handshake(number = 0): Promise<SockDtlsSessionInfo> {
    return this.#until(() => this.handshakes[number], `handshake ${number}`);
  }

  /** Waits for a message. The first is number 0. */
  message(number = 0): Promise<string> {
    return this.#until(() => this.messages[number], `message ${number}`);
  }
}

/** A client with at most one session. */
export class OurClient {
  readonly sock: SockDtls;
  readonly session = new SockDtlsSession();
  readonly #data = new Uint8Array(16_384);

  constructor(t: Teardown, tags: readonly number[], options: SockDtlsOptions = {}) {
    this.sock = open(t, tags, SOCK_DTLS_CLIENT, options);
  }

  /** The handshake: what `recv` says of it. */
  async connect(port: number): Promise<number> {
    const server = { family: AF_INET, addr: LOOPBACK, port, netif: 0 };
    assert.equal(this.sock.sessionInit(server, this.session), 1);
    return this.sock.recv(this.session, this.#data, WAIT_MS * 1000);
  }

  /** The handshake, which has to succeed: what was negotiated. */
  async established(port: number): Promise<SockDtlsSessionInfo> {
    const res = await this.connect(port);
    assert.equal(res, -SOCK_DTLS_HANDSHAKE, `recv: ${strerror(res)}`);
    const info = this.sock.sessionInfo(this.session);
    assert.ok(info !== null);
    return info;
  }

  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    const res = await this.sock.send(this.session, bytes);
    assert.equal(res, bytes.length, `send: ${strerror(res)}`);
  }

  /** The next message. */
  async receive(): Promise<Uint8Array> {
    const res = await this.sock.recv(this.session, this.#data, WAIT_MS * 1000);
    assert.ok(res >= 0, `recv: ${strerror(res)}`);
    return this.#data.slice(0, res);
  }

  async receiveText(): Promise<string> {
    return Buffer.from(await this.receive()).toString();
  }
}
