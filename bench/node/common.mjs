// What all subjects share.

import { generateKeyPairSync } from 'node:crypto';

export const LOOPBACK = '127.0.0.1';
export const IDENTITY = 'device';
export const KEY = new Uint8Array(16).fill(1);
/** A message that begins with this byte is counted, and not echoed. */
export const QUIET = '-'.charCodeAt(0);

/** A key pair on P-256 as a credential takes it. */
export function rawKeys() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { d, x, y } = privateKey.export({ format: 'jwk' });
  const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64url'));
  return { privateKey: bytes(d), publicKey: { x: bytes(x), y: bytes(y) } };
}
