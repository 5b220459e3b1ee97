/**
 * UDP endpoints, and how they cross to the addon as bytes.
 *
 * An endpoint has 40 bytes, little endian: [0] family, [2..4] port, [4..8] netif, [8..24] address (IPv4 in the first 4
 * bytes), zero else. What is told of a received message has 96: [0..40] the sender, [40..80] the local endpoint,
 * [80..88] time in nanoseconds as a double, [88] TTL, [89] which of these are known: SOCK_AUX_GET_*.
 *
 * @module
 */

import { formatIpv4, formatIpv6, parseAddress } from './address.js';
import { checkNumber, checkObject, isBytes, isUpTo, typeError } from './check.js';
import { AF_INET, AF_INET6, AF_UNSPEC } from './constants.js';
import { errno } from './errno.js';

/**
 * An endpoint of UDP: RIOT's `sock_udp_ep_t`.
 */
export interface SockUdpEp {
  /** {@link AF_INET}, {@link AF_INET6}, or {@link AF_UNSPEC} for an endpoint that has not been set. */
  family: number;
  /** The address as text (`'fe80::1'`, without a zone) or as its 4 or 16 bytes. An endpoint that is filled gets text. */
  addr: string | Uint8Array;
  /** The port, 0 to 65535. As a local endpoint's, 0 lets the system choose. */
  port: number;
  /** The index of the network interface, 0 for any. Link-local addresses need one (it is their scope id). */
  netif: number;
}

/** Any IPv6 address, and any IPv4 address too: a sock bound to it is dual-stack. Frozen: spread it and set the port. */
export const SOCK_IPV6_EP_ANY: Readonly<SockUdpEp> = Object.freeze({
  family: AF_INET6,
  addr: '::',
  port: 0,
  netif: 0,
});

/** Any IPv4 address. Frozen: spread it and set the port. */
export const SOCK_IPV4_EP_ANY: Readonly<SockUdpEp> = Object.freeze({
  family: AF_INET,
  addr: '0.0.0.0',
  port: 0,
  netif: 0,
});

/** Bytes of an endpoint. */
export const EP_SIZE = 40;
/** Bytes of what is told of a received message. */
export const META_SIZE = 96;

const EP_ADDR = 8;

/** Throws a TypeError unless `ep` has the types of an endpoint that is handed in. */
export function checkEp(name: string, ep: unknown): asserts ep is SockUdpEp {
  checkObject(name, ep);
  const { family, addr, port, netif } = ep as Partial<SockUdpEp>;
  checkNumber(`${name}.family`, family);
  if (typeof addr !== 'string' && !isBytes(addr)) {
    throw typeError(`${name}.addr`, 'a string or a Uint8Array', addr);
  }
  checkNumber(`${name}.port`, port);
  // As in C, where what an initializer leaves out is zero.
  if (netif !== undefined) checkNumber(`${name}.netif`, netif);
}

// The address of the last endpoint in either direction: a sock mostly talks to few peers, and text is slow to parse.
const lastEncoded = { text: '', length: 0, bytes: new Uint8Array(16) };
const lastDecoded = { text: '', length: 0, bytes: new Uint8Array(16) };

/** Writes the address, and gives how many bytes it has: 0 when it is no address. */
function encodeAddress(addr: string | Uint8Array, raw: Uint8Array): number {
  raw.fill(0, EP_ADDR, EP_ADDR + 16);
  if (typeof addr !== 'string') {
    if (addr.length !== 4 && addr.length !== 16) return 0;
    raw.set(addr, EP_ADDR);
    return addr.length;
  }
  if (addr !== lastEncoded.text) {
    const bytes = new Uint8Array(16);
    lastEncoded.length = parseAddress(addr, bytes, 0);
    lastEncoded.bytes = bytes;
    lastEncoded.text = addr;
  }
  raw.set(lastEncoded.bytes, EP_ADDR);
  return lastEncoded.length;
}

/**
 * Encodes an endpoint. What is not valid is encoded as far as it can be.
 *
 * @param ep - the endpoint, of the right types
 * @param raw - 40 bytes, overwritten
 * @param inferFamily - whether AF_UNSPEC stands for the family of the address
 * @returns 0, -EAFNOSUPPORT for an unknown family, -EINVAL for a bad address, port or interface
 */
export function encodeEp(ep: SockUdpEp, raw: Uint8Array, inferFamily = false): number {
  const netif = ep.netif ?? 0;
  raw.fill(0, 0, EP_SIZE);
  const length = encodeAddress(ep.addr, raw);
  let family = ep.family;
  if (family === AF_UNSPEC && inferFamily && length !== 0) family = length === 4 ? AF_INET : AF_INET6;
  raw[0] = family;
  raw[2] = ep.port & 0xff;
  raw[3] = ep.port >> 8;
  raw[4] = netif & 0xff;
  raw[5] = netif >>> 8;
  raw[6] = netif >>> 16;
  raw[7] = netif >>> 24;
  if (family !== AF_INET && family !== AF_INET6) return -errno.EAFNOSUPPORT;
  if (length !== (family === AF_INET ? 4 : 16)) return -errno.EINVAL;
  if (!isUpTo(ep.port, 0xffff) || !isUpTo(netif, 0xffffffff)) return -errno.EINVAL;
  return 0;
}

/**
 * Encodes the endpoint of a peer: as {@link encodeEp}, but AF_UNSPEC stands for the family of the address, and neither
 * port 0 nor the unspecified address can be sent to (-EINVAL).
 */
export function encodeRemote(ep: SockUdpEp, raw: Uint8Array): number {
  const res = encodeEp(ep, raw, true);
  if (res < 0) return res;
  if (ep.port === 0) return -errno.EINVAL;
  for (let i = EP_ADDR; i < EP_ADDR + 16; i++) {
    if (raw[i] !== 0) return 0;
  }
  return -errno.EINVAL;
}

function decodeAddress(raw: Uint8Array, offset: number, length: number): string {
  let same = length === lastDecoded.length;
  for (let i = 0; i < length && same; i++) same = raw[offset + i] === lastDecoded.bytes[i];
  if (!same) {
    lastDecoded.length = length;
    for (let i = 0; i < length; i++) lastDecoded.bytes[i] = raw[offset + i] ?? 0;
    lastDecoded.text = length === 4 ? formatIpv4(raw, offset) : formatIpv6(raw, offset);
  }
  return lastDecoded.text;
}

/**
 * Fills an endpoint from bytes.
 *
 * @param raw - where the endpoint is
 * @param ep - filled: family, address as text, port and interface
 * @param offset - of its first byte
 */
export function decodeEp(raw: Uint8Array, ep: SockUdpEp, offset = 0): void {
  const byte = (at: number): number => raw[offset + at] ?? 0;
  const family = byte(0);
  ep.family = family;
  ep.addr = decodeAddress(raw, offset + EP_ADDR, family === AF_INET ? 4 : 16);
  ep.port = byte(2) | (byte(3) << 8);
  ep.netif = (byte(4) | (byte(5) << 8) | (byte(6) << 16) | (byte(7) << 24)) >>> 0;
}
