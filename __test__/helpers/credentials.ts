/**
 * Key pairs in all the forms that tests need.
 */

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { EcdsaParams } from '../../index.js';

/** A key pair with its files. */
export interface TestKey extends EcdsaParams {
  /** DER SubjectPublicKeyInfo. */
  spki: Uint8Array;
  /** DER PKCS#8. */
  pkcs8: Uint8Array;
  /** DER ECPrivateKey of RFC 5915. */
  sec1: Uint8Array;
}

function der(key: KeyObject, type: 'spki' | 'pkcs8' | 'sec1'): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type } as never) as unknown as Buffer);
}

/** A new key pair, made by Node, on P-256 or another curve. */
export function newKey(namedCurve = 'P-256'): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  const { d, x, y } = privateKey.export({ format: 'jwk' });
  const bytes = (text: string | undefined): Uint8Array =>
    new Uint8Array(Buffer.from(text ?? '', 'base64url'));
  return {
    privateKey: bytes(d),
    publicKey: { x: bytes(x), y: bytes(y) },
    spki: der(publicKey, 'spki'),
    pkcs8: der(privateKey, 'pkcs8'),
    sec1: der(privateKey, 'sec1'),
  };
}

/** A new key pair on P-256 as a credential takes it. */
export function newKeyPair(): EcdsaParams {
  const { privateKey, publicKey } = newKey();
  return { privateKey, publicKey };
}
