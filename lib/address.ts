/**
 * IP addresses between text and bytes.
 *
 * @module
 */

import { isIPv4, isIPv6 } from 'node:net';

function parseIpv4(text: string, bytes: Uint8Array, offset: number): void {
  let at = offset;
  for (const part of text.split('.')) bytes[at++] = Number(part);
}

function parseIpv6(text: string, bytes: Uint8Array, offset: number): void {
  const write = (groups: string, from: number): number => {
    let at = from;
    if (groups === '') return at;
    for (const group of groups.split(':')) {
      if (group.includes('.')) {
        parseIpv4(group, bytes, at);
        at += 4;
      } else {
        const value = Number.parseInt(group, 16);
        bytes[at++] = value >> 8;
        bytes[at++] = value & 0xff;
      }
    }
    return at;
  };
  const [head = '', tail] = text.split('::');
  bytes.fill(0, offset, offset + 16);
  const end = write(head, offset);
  if (tail !== undefined) {
    // What follows "::" ends at the last byte: written right behind the head, then moved there.
    const length = write(tail, end) - end;
    const from = offset + 16 - length;
    if (from !== end) {
      bytes.copyWithin(from, end, end + length);
      bytes.fill(0, end, Math.min(end + length, from));
    }
  }
}

/**
 * Parses an address.
 *
 * @param text - IPv4 in dotted decimal, or IPv6 as in RFC 4291 section 2.2, without a zone
 * @param bytes - where its 4 or 16 bytes are written
 * @param offset - from here on
 * @returns how many bytes the address has, 0 if the text is not an address
 */
export function parseAddress(text: string, bytes: Uint8Array, offset: number): 0 | 4 | 16 {
  if (isIPv4(text)) {
    parseIpv4(text, bytes, offset);
    return 4;
  }
  if (isIPv6(text) && !text.includes('%')) {
    parseIpv6(text, bytes, offset);
    return 16;
  }
  return 0;
}

/** Writes the 4 bytes at `offset` as text. */
export function formatIpv4(bytes: Uint8Array, offset: number): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** Writes the 16 bytes at `offset` as text, in the canonical form of RFC 5952. */
export function formatIpv6(bytes: Uint8Array, offset: number): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push(((bytes[offset + i] ?? 0) << 8) | (bytes[offset + i + 1] ?? 0));
  }
  // Section 4.2: the longest run of two or more zeros is shortened, the first one of equals.
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    i = end + 1;
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (start < 0) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}
