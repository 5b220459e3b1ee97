/**
 * What is behind a DTLS sock: the addon's sock, and the calls, events and questions that wait for something. Types of
 * arguments have been checked here.
 *
 * @module
 */

import { auxSent, auxSource, fillAux, type SockAux } from './aux.js';
import { isBytes } from './check.js';
import { AF_UNSPEC, CREDMAN_TAG_EMPTY } from './constants.js';
import type { ClientPskCallback, RpkCallback, SockDtls } from './dtls.js';
import { decodeEp, EP_SIZE, META_SIZE, type SockUdpEp } from './endpoint.js';
import { errno } from './errno.js';
import { Establishing } from './establishing.js';
import { Events } from './events.js';
import {
  type NativeDtls,
  NOTIFY_ESTABLISHED,
  NOTIFY_PSK_QUESTION,
  NOTIFY_RPK_QUESTION,
  NOTIFY_UNVERIFIED,
  NOTIFY_WAKE,
  native,
} from './native.js';
import type { DtlsOptions } from './options.js';
import { Pacer } from './pacer.js';
import { askForTag, warnUnverified } from './questions.js';
import { Receiving } from './receiving.js';
import { fillRecvBuf, type RecvTarget } from './recvbuf.js';
import { Sending } from './sending.js';
import type { SessionState } from './session.js';
import { isTimeout } from './timeout.js';
import { Turn } from './turn.js';
import type { UdpAccess } from './udp.js';

/** What is sent: one array, several that make one message, or nothing. */
export type Payload = Uint8Array | readonly Uint8Array[] | null;

// Calls into the addon are synchronous, so these serve all socks.
const scratchMeta = new Uint8Array(META_SIZE);
const scratchSender = scratchMeta.subarray(0, EP_SIZE);
const utf8 = new TextDecoder();

/** Results of `recv` that are about a session, and not about the call. */
const outcomes: ReadonlySet<number> = new Set([
  -errno.EXDEV,
  -errno.ECONNREFUSED,
  -errno.ECONNABORTED,
  -errno.ECONNRESET,
  -errno.ETIMEDOUT,
  -errno.ENOBUFS,
]);

/** The inside of a {@link SockDtls}. */
export class DtlsCore {
  readonly #sock: SockDtls;
  readonly #options: DtlsOptions;
  #udp: UdpAccess | null = null;
  #ref = true;
  #pskCallback: ClientPskCallback | null = null;
  #rpkCallback: RpkCallback | null = null;
  /** The last sock that was closed: it still has its counters. */
  #closed: NativeDtls | null = null;
  readonly #sending = new Sending();
  readonly #establishing = new Establishing(() => this.#refill());
  readonly #turn = new Turn(() => this.socket?.flush());

  /** The addon's sock, null when the sock is not open. */
  socket: NativeDtls | null = null;
  readonly pacer = new Pacer();
  readonly events = new Events((session) => this.socket?.takeEvent(session) ?? 0);
  readonly receiving = new Receiving<SessionState>(
    (peer, target, aux) => this.#take(peer, target, aux),
    this.pacer,
    () => this.#refill(),
  );

  constructor(sock: SockDtls, options: DtlsOptions) {
    this.#sock = sock;
    this.#options = options;
  }

  /** Opens the sock: 0, or -1. */
  open(udp: UdpAccess, tag: number, version: number, role: number): number {
    if (this.socket !== null || udp.socket === null) return -1;
    const socket = new native.NativeDtls(this.#options.native);
    // Before the sock opens, so that no notification is lost.
    socket.setNotify((kind, a, b, ep, hint) => this.#notified(socket, kind, a, b, ep, hint));
    if (this.#options.readsInLoop) socket.setReader(() => this.#arrived(socket));
    if (socket.create(udp.socket, tag, version, role) < 0) {
      socket.setNotify(null);
      socket.close();
      return -1;
    }
    this.socket = socket;
    this.#udp = udp;
    socket.setClientPskCb(this.#pskCallback !== null);
    socket.setRpkCb(this.#rpkCallback !== null);
    socket.setEvents(this.events.wanted);
    udp.attach(() => this.close());
    udp.keepAlive.setDtlsRef(this.#ref);
    return 0;
  }

  close(): void {
    const { socket } = this;
    if (socket === null) return;
    socket.close();
    this.#closed = socket;
    this.socket = null;
    socket.setNotify(null);
    this.#udp?.detach();
    this.#udp = null;
    this.#pskCallback = null;
    this.#rpkCallback = null;
    this.events.setCallback(null);
    this.receiving.end(-errno.EINVAL);
    this.#sending.end(-errno.EINVAL);
    this.#establishing.end(-errno.EINVAL);
  }

  setRef(on: boolean): void {
    this.#ref = on;
    this.#udp?.keepAlive.setDtlsRef(on);
  }

  setClientPskCb(cb: ClientPskCallback | null): void {
    this.#pskCallback = cb;
    this.socket?.setClientPskCb(cb !== null);
  }

  setRpkCb(cb: RpkCallback | null): void {
    this.#rpkCallback = cb;
    this.socket?.setRpkCb(cb !== null);
  }

  stats(): Record<string, number> {
    const stats: Record<string, number> = {};
    for (const [name, count] of Object.entries((this.socket ?? this.#closed)?.stats() ?? {})) {
      stats[name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())] = count;
    }
    return stats;
  }

  /** Sends at once: the result. */
  trySend(peer: SessionState, data: Payload, aux: SockAux | null): number {
    this.#establishing.flush(peer.ep);
    return this.#sending.idle ? this.#sendNow(peer.ep, peer.error, data, aux) : -errno.EAGAIN;
  }

  /** Sends, after a handshake if there is no session and `timeoutUs` is not 0. */
  send(peer: SessionState, data: Payload, timeoutUs: number, aux: SockAux | null): Promise<number> {
    if (!isTimeout(timeoutUs)) return this.pacer.settle(-errno.EINVAL);
    const res = this.trySend(peer, data, aux);
    const wait = res === -errno.EAGAIN || (res === -errno.ENOTCONN && timeoutUs > 0);
    return wait ? this.#sendLater(res, peer, data, timeoutUs, aux) : this.pacer.settle(res);
  }

  #take(peer: SessionState, target: RecvTarget, aux: SockAux | null | undefined): number {
    if (this.socket === null) return -errno.EINVAL;
    let res: number;
    if (isBytes(target)) {
      res = this.socket.tryRecv(target, scratchMeta);
    } else {
      const message = this.socket.tryRecvBuf(scratchMeta);
      if (typeof message === 'number') {
        res = message;
      } else {
        fillRecvBuf(target, message, this.#sock);
        res = message.length;
      }
    }
    if (res >= 0 || outcomes.has(res)) {
      // The handle now is that of the sender, whatever it was set to before.
      peer.ep.set(scratchSender);
      peer.error = 0;
      if (aux) fillAux(aux, scratchMeta);
    }
    return res;
  }

  /** Sends once there is a session, or room in the socket's buffer. */
  async #sendLater(
    res: number,
    peer: SessionState,
    data: Payload,
    timeoutUs: number,
    aux: SockAux | null,
  ): Promise<number> {
    // The handle may be that of another session by then, and the endpoint to send from another one.
    const ep = peer.ep.slice();
    const { error } = peer;
    const from = aux?.local && { flags: aux.flags, local: { ...aux.local } };
    const attempt = (): number => {
      const result = this.#sendNow(ep, error, data, from);
      if (result >= 0) auxSent(aux);
      return result;
    };
    let result = res;
    if (result === -errno.ENOTCONN && this.socket !== null) {
      result = await this.#establishing.send(this.socket, ep, timeoutUs, attempt);
    }
    return result === -errno.EAGAIN ? this.#sending.wait(attempt) : result;
  }

  #sendNow(ep: Uint8Array, error: number, data: Payload, aux: SockAux | null | undefined): number {
    if (this.socket === null) return -errno.EINVAL;
    if (error < 0) return error;
    const source = auxSource(aux);
    if (typeof source === 'number') return source;
    const later = source === null && this.#turn.follows();
    const res =
      data === null || isBytes(data)
        ? this.socket.trySend(ep, data, source, later)
        : this.socket.trySendv(ep, data as Uint8Array[], source, later);
    if (res >= 0) auxSent(aux);
    return res;
  }

  /** Something may have come that is awaited. */
  #arrived(socket: NativeDtls): void {
    if (socket !== this.socket) return;
    this.#sending.retry();
    this.receiving.drain();
    this.events.schedule();
  }

  #refill(): boolean {
    Turn.flushAll();
    const { socket } = this;
    if (socket === null || !this.#options.readsInLoop) return false;
    if (socket.receive()) this.#arrived(socket);
    return true;
  }

  #notified(
    socket: NativeDtls,
    kind: number,
    a: number,
    b: number,
    ep: Uint8Array | null,
    hint: Uint8Array | null,
  ): void {
    // What a closed sock had still to say.
    if (socket !== this.socket) return;
    switch (kind) {
      case NOTIFY_WAKE:
        this.#arrived(socket);
        break;
      case NOTIFY_ESTABLISHED:
        this.#establishing.settle(a, b);
        break;
      case NOTIFY_PSK_QUESTION:
      case NOTIFY_RPK_QUESTION:
        this.#ask(socket, kind, a, ep, hint);
        break;
      case NOTIFY_UNVERIFIED:
        warnUnverified();
        break;
    }
  }

  #ask(socket: NativeDtls, kind: number, id: number, ep: Uint8Array | null, hint: Uint8Array | null): void {
    const peer: SockUdpEp = { family: AF_UNSPEC, addr: '', port: 0, netif: 0 };
    if (ep !== null) decodeEp(ep, peer);
    const psk = kind === NOTIFY_PSK_QUESTION ? this.#pskCallback : null;
    const rpk = kind === NOTIFY_RPK_QUESTION ? this.#rpkCallback : null;
    askForTag(
      () => {
        const tags = this.#sock.getCredentials();
        if (psk !== null) return psk(this.#sock, peer, tags, hint && utf8.decode(hint));
        return rpk === null ? CREDMAN_TAG_EMPTY : rpk(this.#sock, peer, tags);
      },
      (tag) => {
        if (socket === this.socket) socket.answer(id, tag);
      },
    );
  }
}
