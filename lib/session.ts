/**
 * Handles of DTLS sessions.
 *
 * @module
 */

import { checkOut, typeError } from './check.js';
import { checkEp, decodeEp, EP_SIZE, encodeRemote, type SockUdpEp } from './endpoint.js';
import { errno } from './errno.js';

/** What a session's handle holds, for the modules of this package. */
export interface SessionState {
  /** The endpoint of the peer. */
  readonly ep: Uint8Array;
  /** 0, or why nothing can be sent: the endpoint is not set (-EINVAL), or is a bad one. */
  error: number;
}

let stateOf: (session: SockDtlsSession) => SessionState;

/**
 * A handle of a DTLS session: RIOT's `sock_dtls_session_t`. A handle is no session itself: it can be made freely, used
 * again for other sessions, and dropped, without effect on any session.
 */
export class SockDtlsSession {
  readonly #state: SessionState = { ep: new Uint8Array(EP_SIZE), error: -errno.EINVAL };

  static {
    stateOf = (session) => session.#state;
  }

  /**
   * Tells the endpoint of the peer.
   *
   * @param ep - filled: family, address as text, port and interface. A handle that was never set has AF_UNSPEC, port 0.
   * @throws TypeError if `ep` is not an object that can be filled
   */
  getUdpEp(ep: SockUdpEp): void {
    checkOut('ep', ep);
    decodeEp(this.#state.ep, ep);
  }

  /**
   * Sets the endpoint of the peer. Only needed before a `send` that starts the handshake itself.
   *
   * An endpoint that cannot be sent to is taken, too; `send` then gives -EINVAL (address, port or interface) or
   * -EAFNOSUPPORT (family).
   *
   * @param ep - the endpoint; it is copied
   * @throws TypeError if `ep` or a member of it has the wrong type
   */
  setUdpEp(ep: SockUdpEp): void {
    checkEp('ep', ep);
    this.#state.error = encodeRemote(ep, this.#state.ep);
  }
}

/** The state of a handle that was handed in; throws a TypeError for anything else. */
export function sessionState(value: unknown, name = 'remote'): SessionState {
  if (!(value instanceof SockDtlsSession)) throw typeError(name, 'a SockDtlsSession', value);
  return stateOf(value);
}
