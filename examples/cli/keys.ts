/**
 * Key files.
 */

import { readFileSync } from 'node:fs';
import { CREDMAN_OK, type CredmanCredential, credman, type EcdsaPublicKey } from 'sock-dtls';
import { UsageError } from './options.js';

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : (code ?? String(error));
    throw new UsageError(`${file} cannot be read: ${reason}.`);
  }
}

/** The blocks of a PEM file with their labels (RFC 7468), none if it is something else. */
function pemBlocks(content: Buffer): Map<string, Buffer> {
  const blocks = new Map<string, Buffer>();
  const pattern = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----/g;
  for (const [, label = '', base64 = ''] of content.toString('latin1').matchAll(pattern)) {
    blocks.set(label, Buffer.from(base64, 'base64'));
  }
  return blocks;
}

/**
 * Reads a key pair.
 *
 * @param file - PEM or DER, PKCS#8 or SEC1
 * @returns an ECDSA credential without a tag
 */
export function readPrivateKey(file: string): CredmanCredential {
  const cred: CredmanCredential = { tag: 0, type: 0, params: {} };
  const content = read(file);
  const blocks = pemBlocks(content);
  if (blocks.has('ENCRYPTED PRIVATE KEY')) {
    throw new UsageError(`${file} is encrypted. Decrypt it: openssl pkey -in ${file} -out decrypted.pem`);
  }
  const pkcs8 = blocks.get('PRIVATE KEY') ?? (blocks.size === 0 ? content : null);
  if (pkcs8 && credman.loadPrivateKey(pkcs8, cred) === CREDMAN_OK) return cred;
  const sec1 = blocks.get('EC PRIVATE KEY') ?? (blocks.size === 0 ? content : null);
  if (sec1 && credman.loadPrivateEccKey(sec1, cred) === CREDMAN_OK) return cred;
  throw new UsageError(
    `${file} is not a private key on P-256.\n` +
      'Make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem',
  );
}

/**
 * Reads a public key.
 *
 * @param file - PEM or DER, SubjectPublicKeyInfo
 */
export function readPublicKey(file: string): EcdsaPublicKey {
  const key: Partial<EcdsaPublicKey> = {};
  const content = read(file);
  const der = pemBlocks(content).get('PUBLIC KEY') ?? content;
  if (credman.loadPublicKey(der, key) !== CREDMAN_OK || !key.x || !key.y) {
    throw new UsageError(
      `${file} is not a public key on P-256.\nExtract it: openssl pkey -in key.pem -pubout -out key.pub.pem`,
    );
  }
  return { x: key.x, y: key.y };
}

/** The first digits of a public key, enough to tell keys apart by eye. */
export function fingerprint({ x }: EcdsaPublicKey): string {
  return `${Buffer.from(x).toString('hex').slice(0, 16)}...`;
}
