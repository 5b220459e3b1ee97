/**
 * The UDP sock: RIOT's `net/sock/udp.h`.
 *
 * @module
 */

import { auxSent, auxSource, checkRxAux, checkTxAux, fillAux, type SockAux } from './aux.js';
import { checkBytes, checkBytesOrNull, checkNumber, checkOut, checkSnips, isBytes, isUpTo } from './check.js';
import { SOCK_NO_TIMEOUT } from './constants.js';
import { checkEp, decodeEp, EP_SIZE, encodeEp, encodeRemote, META_SIZE, type SockUdpEp } from './endpoint.js';
import { errno } from './errno.js';
import { KeepAlive } from './keepalive.js';
import { type NativeUdp, native } from './native.js';
import { Pacer } from './pacer.js';
import { Receiving } from './receiving.js';
import { checkRecvBuf, fillRecvBuf, type RecvTarget, releaseRecvBuf, type SockRecvBuf } from './recvbuf.js';
import { Sending } from './sending.js';

// Calls into the addon are synchronous, so these serve all socks.
const scratchEp = new Uint8Array(EP_SIZE);
const scratchLocal = new Uint8Array(EP_SIZE);
const scratchMeta = new Uint8Array(META_SIZE);

/** What a DTLS sock needs of the UDP sock below it. */
export interface UdpAccess {
  /** The open socket, null when the sock is not open. */
  readonly socket: NativeUdp | null;
  readonly keepAlive: KeepAlive;
  /** The DTLS sock starts reading; `onClose` is called when the UDP sock is closed under it. */
  attach(onClose: () => void): void;
  /** The DTLS sock no longer reads. */
  detach(): void;
}

let accessOf: (sock: SockUdp) => UdpAccess;

/**
 * A UDP sock: RIOT's `sock_udp_t`. Make one, then {@link SockUdp.create} opens it.
 *
 * Results are numbers: zero or more for success, a negated number of {@link errno} for a failure. A wrong JavaScript type
 * throws a TypeError before anything has happened. An open sock keeps the process alive, see {@link SockUdp.unref}.
 */
export class SockUdp {
  #socket: NativeUdp | null = null;
  /** Whether the socket knows whom to wake. */
  #wakes = false;
  #onClose: (() => void) | null = null;
  readonly #keepAlive = new KeepAlive();
  readonly #pacer = new Pacer();
  readonly #sending = new Sending();
  readonly #receiving = new Receiving<SockUdpEp | null>(
    (remote, target, aux) => this.#take(remote, target, aux),
    this.#pacer,
  );

  static {
    accessOf = (sock) => ({
      get socket() {
        return sock.#socket;
      },
      keepAlive: sock.#keepAlive,
      attach(onClose) {
        sock.#onClose = onClose;
        // Calls that wait on this sock now get -EINVAL: the DTLS sock alone reads.
        sock.#receiving.drain();
      },
      detach() {
        sock.#onClose = null;
        sock.#keepAlive.setDtlsRef(true);
      },
    });
  }

  /**
   * Opens the sock.
   *
   * @param local - where to receive, `{ ...SOCK_IPV6_EP_ANY, port: 20220 }`; port 0 lets the system choose; null binds the
   *   sock at its first use
   * @param remote - the only peer to talk to, null for any
   * @param flags - 0 or {@link SOCK_FLAGS_REUSE_EP}
   * @returns 0; -EADDRINUSE: another sock has the local endpoint; -EADDRNOTAVAIL: the local address is not this host's;
   *   -EAFNOSUPPORT: a family that is neither AF_INET nor AF_INET6; -EINVAL: a bad address, port or interface, `local` and
   *   `remote` contradict each other, or the sock is open; -ENOMEM
   * @throws TypeError for an argument of the wrong type
   */
  create(local: SockUdpEp | null, remote: SockUdpEp | null = null, flags = 0): number {
    if (local !== null) checkEp('local', local);
    if (remote !== null) checkEp('remote', remote);
    checkNumber('flags', flags);
    if (this.#socket !== null || !isUpTo(flags, 0xffffffff)) return -errno.EINVAL;
    let res = local === null ? 0 : encodeEp(local, scratchLocal);
    if (res === 0 && remote !== null) res = encodeRemote(remote, scratchEp);
    if (res < 0) return res;
    const socket = new native.NativeUdp();
    res = socket.create(local && scratchLocal, remote && scratchEp, flags);
    if (res < 0) return res;
    this.#socket = socket;
    this.#keepAlive.setOpen(true);
    return res;
  }

  /**
   * Tells the local endpoint.
   *
   * @param ep - filled
   * @returns 0; -EADDRNOTAVAIL: the sock is not bound
   * @throws TypeError if `ep` cannot be filled
   */
  getLocal(ep: SockUdpEp): number {
    checkOut('ep', ep);
    if (this.#socket === null) return -errno.EADDRNOTAVAIL;
    const res = this.#socket.getLocal(scratchEp);
    if (res >= 0) decodeEp(scratchEp, ep);
    return res;
  }

  /**
   * Tells the endpoint of the only peer.
   *
   * @param ep - filled
   * @returns 0; -ENOTCONN: the sock was created without one
   * @throws TypeError if `ep` cannot be filled
   */
  getRemote(ep: SockUdpEp): number {
    checkOut('ep', ep);
    if (this.#socket === null) return -errno.ENOTCONN;
    const res = this.#socket.getRemote(scratchEp);
    if (res >= 0) decodeEp(scratchEp, ep);
    return res;
  }

  /**
   * Receives one datagram.
   *
   * @param data - takes the datagram
   * @param timeoutUs - how long to wait, in microseconds; 0 not at all, SOCK_NO_TIMEOUT (the default) for ever
   * @param remote - filled with the sender, null if that does not matter
   * @returns the bytes received, 0 for an empty datagram; -EADDRNOTAVAIL: the sock is not bound; -EAGAIN: nothing there and
   *   the timeout is 0; -EINVAL: the sock is not open or is closed during the wait, a DTLS sock uses it, or the timeout is
   *   negative; -ENOBUFS: the datagram is longer than `data` and is gone; -EPROTO: it came from another peer than the only
   *   one; -ETIMEDOUT
   * @throws TypeError for an argument of the wrong type
   */
  recv(data: Uint8Array, timeoutUs = SOCK_NO_TIMEOUT, remote: SockUdpEp | null = null): Promise<number> {
    return this.recvAux(data, timeoutUs, remote, null);
  }

  /**
   * {@link SockUdp.recv} with auxiliary data.
   *
   * @param aux - `aux.flags` tells what is wanted (`SOCK_AUX_GET_*`); what came has its flag cleared
   */
  recvAux(
    data: Uint8Array,
    timeoutUs = SOCK_NO_TIMEOUT,
    remote: SockUdpEp | null = null,
    aux: SockAux | null = null,
  ): Promise<number> {
    checkBytes('data', data);
    checkNumber('timeoutUs', timeoutUs);
    if (remote !== null) checkOut('remote', remote);
    checkRxAux(aux);
    return this.#receiving.wait(remote, data, aux, timeoutUs);
  }

  /**
   * {@link SockUdp.recv} with timeout 0, synchronously.
   *
   * @returns as `recv`
   */
  tryRecv(data: Uint8Array, remote: SockUdpEp | null = null, aux: SockAux | null = null): number {
    checkBytes('data', data);
    if (remote !== null) checkOut('remote', remote);
    checkRxAux(aux);
    return this.#receiving.poll(remote, data, aux);
  }

  /**
   * Receives one datagram into memory that the package provides.
   *
   * @param buf - with `ctx` null: takes the next datagram, in `buf.data`, and a context; with the context of an earlier
   *   call: that buffer is released, both become null
   * @param timeoutUs - as in {@link SockUdp.recv}
   * @param remote - as in {@link SockUdp.recv}
   * @returns the bytes received; 0 when a buffer was released; -EINVAL also for a context of another sock or one that was
   *   released before; else as {@link SockUdp.recv}, but never -ENOBUFS
   * @throws TypeError for an argument of the wrong type
   */
  recvBuf(buf: SockRecvBuf, timeoutUs = SOCK_NO_TIMEOUT, remote: SockUdpEp | null = null): Promise<number> {
    return this.recvBufAux(buf, timeoutUs, remote, null);
  }

  /** {@link SockUdp.recvBuf} with auxiliary data, as in {@link SockUdp.recvAux}. */
  recvBufAux(
    buf: SockRecvBuf,
    timeoutUs = SOCK_NO_TIMEOUT,
    remote: SockUdpEp | null = null,
    aux: SockAux | null = null,
  ): Promise<number> {
    checkRecvBuf(buf);
    checkNumber('timeoutUs', timeoutUs);
    if (remote !== null) checkOut('remote', remote);
    checkRxAux(aux);
    if (buf.ctx) return this.#pacer.settle(releaseRecvBuf(buf, this));
    return this.#receiving.wait(remote, buf, aux, timeoutUs);
  }

  /**
   * Sends one datagram. While the socket's buffer is full the call waits, without a limit.
   *
   * @param data - the payload, null for none; not to be changed before the promise settles
   * @param remote - where to, null for the only peer of the sock
   * @returns the bytes sent; -EADDRINUSE: no local endpoint could be bound; -EAFNOSUPPORT: the family of `remote`;
   *   -EHOSTUNREACH; -EINVAL: a bad address or interface, port 0, or the sock is not open; -EMSGSIZE: too long for a
   *   datagram; -ENOTCONN: no `remote` and no only peer; -ENOMEM
   * @throws TypeError for an argument of the wrong type
   */
  send(data: Uint8Array | null, remote: SockUdpEp | null = null): Promise<number> {
    return this.sendAux(data, remote, null);
  }

  /**
   * {@link SockUdp.send} with auxiliary data.
   *
   * @param aux - with SOCK_AUX_SET_LOCAL in `aux.flags`, `aux.local` is the address to send from, and the flag is cleared
   *   once the datagram is sent
   */
  sendAux(
    data: Uint8Array | null,
    remote: SockUdpEp | null = null,
    aux: SockAux | null = null,
  ): Promise<number> {
    checkBytesOrNull('data', data);
    return this.#send(data, remote, aux);
  }

  /**
   * Sends one datagram that is put together from chunks.
   *
   * @param snips - the chunks in order; null or none sends an empty datagram
   * @param remote - as in {@link SockUdp.send}
   * @returns as {@link SockUdp.send}
   * @throws TypeError for an argument of the wrong type
   */
  sendv(snips: readonly Uint8Array[] | null, remote: SockUdpEp | null = null): Promise<number> {
    return this.sendvAux(snips, remote, null);
  }

  /** {@link SockUdp.sendv} with auxiliary data, as in {@link SockUdp.sendAux}. */
  sendvAux(
    snips: readonly Uint8Array[] | null,
    remote: SockUdpEp | null = null,
    aux: SockAux | null = null,
  ): Promise<number> {
    checkSnips(snips);
    return this.#send(snips, remote, aux);
  }

  /**
   * {@link SockUdp.sendAux}, synchronously.
   *
   * @returns as `send`, and -EAGAIN: the socket's buffer is full
   */
  trySend(data: Uint8Array | null, remote: SockUdpEp | null = null, aux: SockAux | null = null): number {
    checkBytesOrNull('data', data);
    checkDestination(remote, aux);
    return this.#sending.idle ? this.#sendNow(data, remote, aux) : -errno.EAGAIN;
  }

  /**
   * {@link SockUdp.sendvAux}, synchronously.
   *
   * @returns as `sendv`, and -EAGAIN: the socket's buffer is full
   */
  trySendv(
    snips: readonly Uint8Array[] | null,
    remote: SockUdpEp | null = null,
    aux: SockAux | null = null,
  ): number {
    checkSnips(snips);
    checkDestination(remote, aux);
    return this.#sending.idle ? this.#sendNow(snips, remote, aux) : -errno.EAGAIN;
  }

  /**
   * Closes the sock. Calls that wait end with -EINVAL, and so do those of a DTLS sock that uses it. Closing a closed sock
   * does nothing; a closed sock can be created again.
   */
  close(): void {
    const socket = this.#socket;
    if (socket === null) return;
    // The DTLS sock says goodbye to its peers first.
    this.#onClose?.();
    this.#socket = null;
    socket.close();
    if (this.#wakes) socket.setWake(null);
    this.#wakes = false;
    this.#keepAlive.setOpen(false);
    this.#receiving.end(-errno.EINVAL);
    this.#sending.end(-errno.EINVAL);
  }

  /** The open sock keeps the process alive: the default. */
  ref(): this {
    this.#keepAlive.setUdpRef(true);
    return this;
  }

  /** The open sock does not keep the process alive, not even while a call waits. */
  unref(): this {
    this.#keepAlive.setUdpRef(false);
    return this;
  }

  /**
   * Has the socket wake us when it can be read or written to again. True the first time: what gave -EAGAIN is to be tried
   * again, as only now it asks for that.
   */
  #startWaking(): boolean {
    if (this.#wakes || this.#socket === null) return false;
    this.#wakes = true;
    this.#socket.setWake(() => {
      this.#sending.retry();
      this.#receiving.drain();
    });
    return true;
  }

  #take(remote: SockUdpEp | null, target: RecvTarget, aux: SockAux | null | undefined): number {
    if (this.#socket === null) return -errno.EINVAL;
    let res: number;
    if (isBytes(target)) {
      res = this.#socket.tryRecv(target, scratchMeta);
    } else {
      const message = this.#socket.tryRecvBuf(scratchMeta);
      if (typeof message === 'number') {
        res = message;
      } else {
        fillRecvBuf(target, message, this);
        res = message.length;
      }
    }
    if (res === -errno.EAGAIN && this.#startWaking()) return this.#take(remote, target, aux);
    if (res < 0) return res;
    if (remote !== null) decodeEp(scratchMeta, remote);
    if (aux) fillAux(aux, scratchMeta);
    return res;
  }

  #send(
    data: Uint8Array | readonly Uint8Array[] | null,
    remote: SockUdpEp | null,
    aux: SockAux | null,
  ): Promise<number> {
    checkDestination(remote, aux);
    if (this.#sending.idle) {
      const res = this.#sendNow(data, remote, aux);
      if (res !== -errno.EAGAIN) return this.#pacer.settle(res);
    }
    // The endpoints may change before it is sent.
    const to = remote && { ...remote };
    const from = aux?.local && { flags: aux.flags, local: { ...aux.local } };
    return this.#sending.wait(() => {
      const res = this.#sendNow(data, to, from);
      if (res >= 0) auxSent(aux);
      return res;
    });
  }

  #sendNow(
    data: Uint8Array | readonly Uint8Array[] | null,
    remote: SockUdpEp | null,
    aux: SockAux | null | undefined,
  ): number {
    if (this.#socket === null) return -errno.EINVAL;
    if (remote !== null) {
      const res = encodeRemote(remote, scratchEp);
      if (res < 0) return res;
    }
    const source = auxSource(aux);
    if (typeof source === 'number') return source;
    const to = remote && scratchEp;
    const res =
      data === null || isBytes(data)
        ? this.#socket.trySend(data, to, source)
        : this.#socket.trySendv(data as Uint8Array[], to, source);
    if (res === -errno.EAGAIN && this.#startWaking()) return this.#sendNow(data, remote, aux);
    if (res >= 0) auxSent(aux);
    return res;
  }
}

function checkDestination(remote: unknown, aux: unknown): void {
  if (remote !== null) checkEp('remote', remote);
  checkTxAux(aux);
}

/** What a DTLS sock needs of `sock`. */
export function udpAccess(sock: SockUdp): UdpAccess {
  return accessOf(sock);
}
