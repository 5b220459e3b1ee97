/**
 * Buffers for `recvBuf*`: messages in memory that the package provides.
 *
 * @module
 */

import { checkOut, typeError } from './check.js';
import { errno } from './errno.js';

/** What ties a provided buffer to the sock that it came from. Opaque: hand it back as it is. */
export class SockRecvBufCtx {
  readonly #owner: object;
  #live = true;

  /** @internal */
  constructor(owner: object) {
    this.#owner = owner;
  }

  /** @internal Gives the buffer back to `owner`: 0, or -EINVAL if it is not the owner's or was given back before. */
  release(owner: object): number {
    if (this.#owner !== owner || !this.#live) return -errno.EINVAL;
    this.#live = false;
    return 0;
  }
}

/** A provided buffer: `{ data: null, ctx: null }` to begin with. */
export interface SockRecvBuf {
  /** The message. It stays valid after the buffer is released; nothing else writes to it. */
  data: Uint8Array | null;
  /** The context, null when there is no buffer. */
  ctx: SockRecvBufCtx | null;
}

/** Where a message goes: into the caller's array, or into a provided one. */
export type RecvTarget = Uint8Array | SockRecvBuf;

/** Throws a TypeError unless `buf` is a provided buffer that can be filled. */
export function checkRecvBuf(buf: unknown): asserts buf is SockRecvBuf {
  checkOut('buf', buf);
  const { ctx } = buf as SockRecvBuf;
  if (ctx !== null && ctx !== undefined && !(ctx instanceof SockRecvBufCtx)) {
    throw typeError('buf.ctx', 'a context that recvBuf has set, or null', ctx);
  }
}

/** Puts a message into `buf`. */
export function fillRecvBuf(buf: SockRecvBuf, message: Uint8Array, owner: object): void {
  buf.data = message;
  buf.ctx = new SockRecvBufCtx(owner);
}

/** Releases what `buf` holds: 0, or -EINVAL if that is another sock's or was released before. */
export function releaseRecvBuf(buf: SockRecvBuf, owner: object): number {
  const res = buf.ctx?.release(owner) ?? 0;
  if (res === 0) {
    buf.data = null;
    buf.ctx = null;
  }
  return res;
}
