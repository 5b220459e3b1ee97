/**
 * The DTLS sock: RIOT's `net/sock/dtls.h`, with `net/sock/dtls/creds.h` and the events of `net/sock/async.h`.
 *
 * @module
 */

import { checkRxAux, checkTxAux, type SockAux } from './aux.js';
import {
  checkBytes,
  checkBytesOrNull,
  checkFunctionOrNull,
  checkNumber,
  checkSnips,
  isBytes,
  isUpTo,
  typeError,
} from './check.js';
import { AF_UNSPEC, CREDMAN_TAG_EMPTY, SOCK_NO_TIMEOUT } from './constants.js';
import { DtlsCore } from './core.js';
import { checkEp, EP_SIZE, encodeRemote, type SockUdpEp } from './endpoint.js';
import { errno } from './errno.js';
import { type SockDtlsSessionInfo, sessionInfo } from './info.js';
import { checkOptions, type SockDtlsOptions } from './options.js';
import { checkRecvBuf, releaseRecvBuf, type SockRecvBuf } from './recvbuf.js';
import { type SockDtlsSession, sessionState } from './session.js';
import { SockUdp, udpAccess } from './udp.js';

/**
 * Chooses the PSK of a client's handshake, by the server's hint.
 *
 * @param sock - the sock
 * @param ep - the server
 * @param tags - the sock's tags, in order
 * @param hint - the server's hint, null if it sent none
 * @returns the tag of the credential, or CREDMAN_TAG_EMPTY to leave the choice to the sock; or a promise of it
 */
export type ClientPskCallback = (
  sock: SockDtls,
  ep: SockUdpEp,
  tags: readonly number[],
  hint: string | null,
) => number | PromiseLike<number>;

/**
 * Chooses the key pair of a handshake, on either side.
 *
 * @param sock - the sock
 * @param ep - the peer
 * @param tags - the sock's tags, in order
 * @returns the tag of the credential, or CREDMAN_TAG_EMPTY to leave the choice to the sock; or a promise of it
 */
export type RpkCallback = (
  sock: SockDtls,
  ep: SockUdpEp,
  tags: readonly number[],
) => number | PromiseLike<number>;

/**
 * Called when something has happened.
 *
 * @param sock - the sock
 * @param flags - what has happened: `SOCK_ASYNC_*`, OR-ed
 * @param arg - what was given to `setCb`
 */
export type EventsCallback<Arg> = (sock: SockDtls, flags: number, arg: Arg) => void;

// Calls into the addon are synchronous, so this serves all socks.
const scratchEp = new Uint8Array(EP_SIZE);

/** Prepares for DTLS. Never needed: importing the package does it. May be called any number of times. */
export function sockDtlsInit(): void {}

/**
 * A DTLS sock: RIOT's `sock_dtls_t`. Make one, then {@link SockDtls.create} opens it on a UDP sock.
 *
 * Results are numbers: zero or more for success, a negated number of {@link errno} for a failure. A wrong JavaScript type
 * throws a TypeError before anything has happened. Timeouts are in microseconds.
 */
export class SockDtls {
  readonly #core: DtlsCore;
  #udpSock: SockUdp | null = null;

  /**
   * @param options - see {@link SockDtlsOptions}
   * @throws TypeError for an unknown option or one of the wrong type
   * @throws RangeError for a value that is out of range or not known
   */
  constructor(options: SockDtlsOptions = {}) {
    this.#core = new DtlsCore(this, checkOptions(options));
  }

  /**
   * Opens the sock on a UDP sock, which it alone reads from until it is closed.
   *
   * @param udpSock - an open UDP sock that no other DTLS sock uses
   * @param tag - the tag of the first credential, CREDMAN_TAG_EMPTY to begin with none
   * @param version - {@link SOCK_DTLS_1_2}
   * @param role - {@link SOCK_DTLS_CLIENT} only starts sessions, {@link SOCK_DTLS_SERVER} accepts them, too
   * @returns 0; -1: a bad tag, version or role, a UDP sock that is closed or in use, or this sock is open
   * @throws TypeError for an argument of the wrong type
   */
  create(udpSock: SockUdp, tag: number, version: number, role: number): number {
    if (!(udpSock instanceof SockUdp)) throw typeError('udpSock', 'a SockUdp', udpSock);
    checkNumber('tag', tag);
    checkNumber('version', version);
    checkNumber('role', role);
    if (![tag, version, role].every((value) => isUpTo(value, 0xffff))) return -1;
    const res = this.#core.open(udpAccess(udpSock), tag, version, role);
    if (res === 0) this.#udpSock = udpSock;
    return res;
  }

  /** The UDP sock that the sock was created on, null before `create`. It stays known after `close`. */
  getUdpSock(): SockUdp | null {
    return this.#udpSock;
  }

  /**
   * Sets the hint that a server sends to its clients, to help them choose a PSK (RFC 4279 section 5.2).
   *
   * @param hint - text or bytes, at most `maxHintLength` bytes long; null for none
   * @returns 0; -1: too long, or the sock is not open
   * @throws TypeError for another type
   */
  setServerPskIdHint(hint: string | Uint8Array | null): number {
    if (typeof hint !== 'string' && hint !== null && !isBytes(hint)) {
      throw typeError('hint', 'a string, a Uint8Array or null', hint);
    }
    const bytes = typeof hint === 'string' ? Buffer.from(hint, 'utf8') : hint;
    return status(this.#core.socket?.setServerPskIdHint(bytes));
  }

  /**
   * Gives the sock a further credential. It acts on handshakes that start later. A tag may be in the list repeatedly.
   *
   * @param tag - 1 to 65535
   * @returns 0; -1: the list is full (65,535), `tag` is no tag, or the sock is not open
   * @throws TypeError if `tag` is not a number
   */
  addCredential(tag: number): number {
    checkNumber('tag', tag);
    return isUpTo(tag, 0xffff) && tag !== CREDMAN_TAG_EMPTY
      ? status(this.#core.socket?.addCredential(tag))
      : -1;
  }

  /**
   * Takes a credential from the sock: the first such tag in the list. The order of the others stays.
   *
   * @param tag - its tag
   * @returns 0; -1: the tag is not in the list, or the sock is not open
   * @throws TypeError if `tag` is not a number
   */
  removeCredential(tag: number): number {
    checkNumber('tag', tag);
    return isUpTo(tag, 0xffff) ? status(this.#core.socket?.removeCredential(tag)) : -1;
  }

  /** The sock's tags, in order: a frozen copy. */
  getCredentials(): readonly number[] {
    return Object.freeze(this.#core.socket?.getCredentials() ?? []);
  }

  /**
   * Sets who chooses the PSK when this sock is the client.
   *
   * @param cb - the callback, null for none. A tag that is not among the sock's, a throw and a rejection count as
   *   CREDMAN_TAG_EMPTY. While its promise is pending, that handshake waits.
   * @throws TypeError for another type
   */
  setClientPskCb(cb: ClientPskCallback | null): void {
    checkFunctionOrNull('cb', cb);
    this.#core.setClientPskCb(cb);
  }

  /**
   * Sets who chooses the key pair of a handshake with raw public keys, on either side.
   *
   * @param cb - as in {@link SockDtls.setClientPskCb}
   * @throws TypeError for another type
   */
  setRpkCb(cb: RpkCallback | null): void {
    checkFunctionOrNull('cb', cb);
    this.#core.setRpkCb(cb);
  }

  /**
   * Starts a session with a peer: sends a ClientHello. `recv` tells when the handshake has completed or failed.
   *
   * @param ep - the peer
   * @param remote - filled with the session
   * @returns 1: a handshake was started; 0: there is a session with this peer, established or in its handshake;
   *   -EADDRNOTAVAIL: no local endpoint; -EINVAL: a bad family, address, port or interface, or the sock is not open;
   *   -ENOMEM: too many sessions
   * @throws TypeError for an argument of the wrong type
   */
  sessionInit(ep: SockUdpEp, remote: SockDtlsSession): number {
    checkEp('ep', ep);
    const peer = sessionState(remote);
    if (this.#core.socket === null || ep.family === AF_UNSPEC || encodeRemote(ep, scratchEp) < 0) {
      return -errno.EINVAL;
    }
    const res = this.#core.socket.sessionInit(scratchEp, peer.ep);
    if (res >= 0) peer.error = 0;
    return res;
  }

  /**
   * Ends a session: tells the peer (close_notify) and frees it at once. Without such a session it does nothing.
   *
   * @throws TypeError if `remote` is not a session
   */
  sessionDestroy(remote: SockDtlsSession): void {
    const peer = sessionState(remote);
    if (peer.error === 0) this.#core.socket?.sessionDestroy(peer.ep);
  }

  /**
   * Tells what was negotiated with a peer. Beyond RIOT.
   *
   * @returns null without an established session
   * @throws TypeError if `remote` is not a session
   */
  sessionInfo(remote: SockDtlsSession): SockDtlsSessionInfo | null {
    const peer = sessionState(remote);
    const info = peer.error === 0 ? this.#core.socket?.sessionInfo(peer.ep) : null;
    return info ? sessionInfo(info) : null;
  }

  /**
   * Receives one message, or the outcome of a handshake.
   *
   * @param remote - filled with the session that the result belongs to
   * @param data - takes the message
   * @param timeoutUs - how long to wait, in microseconds; 0 not at all, SOCK_NO_TIMEOUT (the default) for ever
   * @returns the bytes received; -SOCK_DTLS_HANDSHAKE: a handshake has completed (once each, before any message of that
   *   session); -EADDRNOTAVAIL: no local endpoint; -EAGAIN: nothing there and the timeout is 0; -EINVAL: the sock is not open
   *   or is closed during the wait, or the timeout is negative; -ENOBUFS: the message is longer than `data` and is gone;
   *   -ENOMEM; -ETIMEDOUT: the timeout is over. For a session that this sock started, once: -ECONNREFUSED: the peer ended
   *   the handshake with an alert; -ECONNABORTED: we refused the peer; -ETIMEDOUT: the peer does not answer;
   *   -ECONNRESET: the peer closed the session
   * @throws TypeError for an argument of the wrong type
   */
  recv(remote: SockDtlsSession, data: Uint8Array, timeoutUs = SOCK_NO_TIMEOUT): Promise<number> {
    return this.recvAux(remote, data, timeoutUs, null);
  }

  /**
   * {@link SockDtls.recv} with auxiliary data.
   *
   * @param aux - `aux.flags` tells what is wanted (`SOCK_AUX_GET_*`); what came has its flag cleared
   */
  recvAux(
    remote: SockDtlsSession,
    data: Uint8Array,
    timeoutUs = SOCK_NO_TIMEOUT,
    aux: SockAux | null = null,
  ): Promise<number> {
    const peer = sessionState(remote);
    checkBytes('data', data);
    checkNumber('timeoutUs', timeoutUs);
    checkRxAux(aux);
    return this.#core.receiving.wait(peer, data, aux, timeoutUs);
  }

  /**
   * {@link SockDtls.recvAux} with timeout 0, synchronously.
   *
   * @returns as `recv`
   */
  tryRecv(remote: SockDtlsSession, data: Uint8Array, aux: SockAux | null = null): number {
    const peer = sessionState(remote);
    checkBytes('data', data);
    checkRxAux(aux);
    return this.#core.receiving.poll(peer, data, aux);
  }

  /**
   * Receives one message into memory that the package provides.
   *
   * @param remote - filled with the session that the result belongs to
   * @param buf - with `ctx` null: takes the next message, in `buf.data`, and a context; with the context of an earlier
   *   call: that buffer is released, both become null
   * @param timeoutUs - as in {@link SockDtls.recv}
   * @returns the bytes received; 0 when a buffer was released; -EINVAL also for a context of another sock or one that was
   *   released before; else as {@link SockDtls.recv}, but never -ENOBUFS
   * @throws TypeError for an argument of the wrong type
   */
  recvBuf(remote: SockDtlsSession, buf: SockRecvBuf, timeoutUs = SOCK_NO_TIMEOUT): Promise<number> {
    return this.recvBufAux(remote, buf, timeoutUs, null);
  }

  /** {@link SockDtls.recvBuf} with auxiliary data, as in {@link SockDtls.recvAux}. */
  recvBufAux(
    remote: SockDtlsSession,
    buf: SockRecvBuf,
    timeoutUs = SOCK_NO_TIMEOUT,
    aux: SockAux | null = null,
  ): Promise<number> {
    const peer = sessionState(remote);
    checkRecvBuf(buf);
    checkNumber('timeoutUs', timeoutUs);
    checkRxAux(aux);
    if (buf.ctx) return this.#core.pacer.settle(releaseRecvBuf(buf, this));
    return this.#core.receiving.wait(peer, buf, aux, timeoutUs);
  }

  /**
   * Sends one message. Without an established session and with a timeout, the call awaits the handshake that is under way,
   * or starts one, and sends then; `recv` still tells of that handshake.
   *
   * The first message of a turn of the event loop leaves at once. Those that follow in the same turn leave together at its end, in
   * few calls of the system; earlier when there are many, when the session or the sock ends, when the process exits, and when
   * `tryRecv` finds nothing. Should the system then refuse one, that is a count of `datagramsUnsent` in {@link SockDtls.stats}.
   *
   * @param remote - the session, or a handle that has only been given an endpoint
   * @param data - the payload; null sends an empty record; not to be changed before the promise settles
   * @param timeoutUs - how long to wait for a handshake, in microseconds; 0 (the default) not at all, SOCK_NO_TIMEOUT for ever
   * @returns the bytes of payload sent; -ENOTCONN: no established session and the timeout is 0; -EADDRINUSE: no local
   *   endpoint; -EAFNOSUPPORT: the family of the peer's endpoint; -EINVAL: its address or interface is bad, its port is 0,
   *   the sock is not open or is closed during the wait, or the timeout is negative; -EMSGSIZE: longer than a record
   *   (16,384 bytes), the option `mtu` or the system allows; -ENOMEM; -ETIMEDOUT: no session in time, the half-open
   *   one is dropped; -ECONNREFUSED, -ECONNABORTED: the handshake failed, as in {@link SockDtls.recv}
   * @throws TypeError for an argument of the wrong type
   */
  send(remote: SockDtlsSession, data: Uint8Array | null, timeoutUs = 0): Promise<number> {
    return this.sendAux(remote, data, timeoutUs, null);
  }

  /**
   * {@link SockDtls.send} with auxiliary data.
   *
   * @param aux - with SOCK_AUX_SET_LOCAL in `aux.flags`, `aux.local` is the address to send from, and the flag is cleared
   *   once the message is sent
   */
  sendAux(
    remote: SockDtlsSession,
    data: Uint8Array | null,
    timeoutUs = 0,
    aux: SockAux | null = null,
  ): Promise<number> {
    const peer = sessionState(remote);
    checkBytesOrNull('data', data);
    checkNumber('timeoutUs', timeoutUs);
    checkTxAux(aux);
    return this.#core.send(peer, data, timeoutUs, aux);
  }

  /**
   * Sends one message that is put together from chunks.
   *
   * @param remote - as in {@link SockDtls.send}
   * @param snips - the chunks in order; null or none sends an empty record
   * @param timeoutUs - as in {@link SockDtls.send}
   * @returns as {@link SockDtls.send}
   * @throws TypeError for an argument of the wrong type
   */
  sendv(remote: SockDtlsSession, snips: readonly Uint8Array[] | null, timeoutUs = 0): Promise<number> {
    return this.sendvAux(remote, snips, timeoutUs, null);
  }

  /** {@link SockDtls.sendv} with auxiliary data, as in {@link SockDtls.sendAux}. */
  sendvAux(
    remote: SockDtlsSession,
    snips: readonly Uint8Array[] | null,
    timeoutUs = 0,
    aux: SockAux | null = null,
  ): Promise<number> {
    const peer = sessionState(remote);
    checkSnips(snips);
    checkNumber('timeoutUs', timeoutUs);
    checkTxAux(aux);
    return this.#core.send(peer, snips, timeoutUs, aux);
  }

  /**
   * {@link SockDtls.sendAux} with timeout 0, synchronously.
   *
   * @returns as `send`, and -EAGAIN: the socket's buffer is full
   */
  trySend(remote: SockDtlsSession, data: Uint8Array | null, aux: SockAux | null = null): number {
    const peer = sessionState(remote);
    checkBytesOrNull('data', data);
    checkTxAux(aux);
    return this.#core.trySend(peer, data, aux);
  }

  /**
   * {@link SockDtls.sendvAux} with timeout 0, synchronously.
   *
   * @returns as `sendv`, and -EAGAIN: the socket's buffer is full
   */
  trySendv(remote: SockDtlsSession, snips: readonly Uint8Array[] | null, aux: SockAux | null = null): number {
    const peer = sessionState(remote);
    checkSnips(snips);
    checkTxAux(aux);
    return this.#core.trySend(peer, snips, aux);
  }

  /**
   * Sets a callback for events. It is called on a fresh turn, never from inside a call of the user's; flags that have piled up
   * come OR-ed in one call, events of sessions (`SOCK_ASYNC_CONN_*`) one session a call.
   *
   * @param cb - the callback, null for none. What it throws is an uncaught exception; the sock goes on.
   * @param arg - handed to the callback
   * @throws TypeError for another type
   */
  setCb<Arg = unknown>(cb: EventsCallback<Arg> | null, arg?: Arg): void {
    checkFunctionOrNull('cb', cb);
    this.#core.socket?.setEvents(cb !== null);
    this.#core.events.setCallback(cb && ((flags) => cb(this, flags, arg as Arg)));
  }

  /**
   * Tells, inside the callback of {@link SockDtls.setCb}, which session SOCK_ASYNC_CONN_RDY or SOCK_ASYNC_CONN_FIN is about.
   *
   * @param session - filled
   * @returns true; false for other events and outside the callback
   * @throws TypeError if `session` is not a session
   */
  getEventSession(session: SockDtlsSession): boolean {
    return this.#core.events.getSession(sessionState(session, 'session'));
  }

  /**
   * Counters of what the sock did and dropped since `create`, by name: `handshakesCompleted`, `messagesDropped`,
   * `recordsForged` and so on; `sessions` and `handshakes` are how many there are now. Beyond RIOT.
   *
   * @returns a copy; after `close` that of the end
   */
  stats(): Readonly<Record<string, number>> {
    return this.#core.stats();
  }

  /**
   * Closes the sock: ends all sessions (close_notify), ends waiting calls with -EINVAL, forgets the callbacks. The UDP sock
   * stays open. Closing a closed sock does nothing; a closed sock can be created again.
   */
  close(): void {
    this.#core.close();
  }

  /** The open sock keeps the process alive, unless its UDP sock was told not to: the default. */
  ref(): this {
    this.#core.setRef(true);
    return this;
  }

  /** The open sock and its UDP sock do not keep the process alive, not even while a call waits. */
  unref(): this {
    this.#core.setRef(false);
    return this;
  }
}

/** The addon's result as RIOT's 0 or -1; undefined stands for a sock that is not open. */
function status(res: number | undefined): number {
  return res !== undefined && res >= 0 ? 0 : -1;
}
