/**
 * Auxiliary data of a message, for the `*Aux` calls.
 *
 * @module
 */

import { checkNumber, checkObject, checkOut, typeError } from './check.js';
import {
  SOCK_AUX_GET_LOCAL,
  SOCK_AUX_GET_TIMESTAMP,
  SOCK_AUX_GET_TTL,
  SOCK_AUX_SET_LOCAL,
} from './constants.js';
import { checkEp, decodeEp, EP_SIZE, encodeEp, type SockUdpEp } from './endpoint.js';

/**
 * Auxiliary data: what is asked for, and what came. RIOT's `sock_udp_aux_rx_t`, `sock_dtls_aux_tx_t` and so on.
 */
export interface SockAux {
  /**
   * What is wanted: `SOCK_AUX_*`, OR-ed. A flag is cleared when its datum was delivered or applied; a flag that is still
   * set afterwards was not.
   */
  flags: number;
  /** Receiving: the endpoint that the message arrived at. Sending: the endpoint to send from; its port is not used. */
  local?: SockUdpEp | undefined;
  /** When the message arrived: nanoseconds since 1970. As a double it is exact to about 256 ns. */
  timestamp?: number | undefined;
  /** Signal strength. Never delivered by this package. */
  rssi?: number | undefined;
  /** TTL (IPv4) or hop limit (IPv6) that the message had on arrival. */
  ttl?: number | undefined;
}

const META_LOCAL = 40;
const META_TIMESTAMP = 80;
const META_TTL = 88;
const META_VALID = 89;

/** Throws a TypeError unless `aux` can take what is received. */
export function checkRxAux(aux: unknown): asserts aux is SockAux | null | undefined {
  if (aux === null || aux === undefined) return;
  checkOut('aux', aux);
  const { flags, local } = aux as SockAux;
  checkNumber('aux.flags', flags);
  if ((flags & SOCK_AUX_GET_LOCAL) !== 0 && local !== undefined && local !== null)
    checkOut('aux.local', local);
}

/** Throws a TypeError unless `aux` can accompany what is sent. */
export function checkTxAux(aux: unknown): asserts aux is SockAux | null | undefined {
  if (aux === null || aux === undefined) return;
  checkObject('aux', aux);
  const { flags, local } = aux as SockAux;
  checkNumber('aux.flags', flags);
  if ((flags & SOCK_AUX_SET_LOCAL) === 0) return;
  if (local === undefined) throw typeError('aux.local', 'an endpoint with SOCK_AUX_SET_LOCAL', local);
  checkEp('aux.local', local);
}

const doubleBytes = new Uint8Array(8);
const doubleView = new Float64Array(doubleBytes.buffer);

/** Fills `aux` with what was asked for and is there. */
export function fillAux(aux: SockAux, meta: Uint8Array): void {
  const got =
    aux.flags & (meta[META_VALID] ?? 0) & (SOCK_AUX_GET_LOCAL | SOCK_AUX_GET_TIMESTAMP | SOCK_AUX_GET_TTL);
  if ((got & SOCK_AUX_GET_LOCAL) !== 0) {
    aux.local ??= { family: 0, addr: '', port: 0, netif: 0 };
    decodeEp(meta, aux.local, META_LOCAL);
  }
  if ((got & SOCK_AUX_GET_TIMESTAMP) !== 0) {
    for (let i = 0; i < 8; i++) doubleBytes[i] = meta[META_TIMESTAMP + i] ?? 0;
    aux.timestamp = doubleView[0];
  }
  if ((got & SOCK_AUX_GET_TTL) !== 0) aux.ttl = meta[META_TTL];
  aux.flags &= ~got;
}

const source = new Uint8Array(EP_SIZE);

/**
 * The endpoint to send from.
 *
 * @returns its bytes (valid until the next call), null when none is asked for, or the error of a bad one: -EINVAL,
 *   -EAFNOSUPPORT
 */
export function auxSource(aux: SockAux | null | undefined): Uint8Array | number | null {
  if (
    aux === null ||
    aux === undefined ||
    (aux.flags & SOCK_AUX_SET_LOCAL) === 0 ||
    aux.local === undefined
  ) {
    return null;
  }
  const res = encodeEp(aux.local, source, true);
  return res < 0 ? res : source;
}

/** Notes in `aux` that the message left from where it should. */
export function auxSent(aux: SockAux | null | undefined): void {
  if (aux !== null && aux !== undefined) aux.flags &= ~SOCK_AUX_SET_LOCAL;
}
