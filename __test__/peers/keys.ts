/**
 * Keys for both ends: files for the programs, credentials for us.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CREDMAN_OK,
  CREDMAN_TYPE_EMPTY,
  type CredmanCredential,
  credman,
  type EcdsaParams,
  type EcdsaPublicKey,
} from '../../index.js';
import { addPsk as addPskParams } from '../helpers/socks.js';
import { type Teardown, Tool } from './tool.js';

export { addKeyPair } from '../helpers/socks.js';

/** A folder of the test's own, gone afterwards. */
export function tempFolder(t: Teardown): string {
  const folder = mkdtempSync(join(tmpdir(), 'sock-dtls-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Puts a PSK into the pool until the test is over; its tag. */
export function addPsk(t: Teardown, id: string, key: string | Uint8Array, hint?: string): number {
  return addPskParams(t, { id, key, hint });
}

/** A key pair on P-256 that OpenSSL has made. */
export interface KeyFiles {
  /** PEM, as `openssl ecparam` writes it (RFC 5915). */
  privateKeyFile: string;
  /** PEM, SubjectPublicKeyInfo. */
  publicKeyFile: string;
  /** The same pair as this package reads it. */
  pair: EcdsaParams;
  publicKey: EcdsaPublicKey;
}

/**
 * Makes a key pair with OpenSSL and reads all three forms of it.
 *
 * @param t - the test
 * @param name - what the files are called
 */
export async function generateKey(t: Teardown, name: string): Promise<KeyFiles> {
  const folder = tempFolder(t);
  const file = (suffix: string): string => join(folder, `${name}.${suffix}`);
  const openssl = (...args: string[]): Promise<string> => Tool.run(t, 'openssl', args);
  await openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', file('pem'));
  await Promise.all([
    openssl('ec', '-in', file('pem'), '-pubout', '-out', file('pub.pem')),
    openssl('ec', '-in', file('pem'), '-pubout', '-outform', 'DER', '-out', file('pub.der')),
    openssl('ec', '-in', file('pem'), '-outform', 'DER', '-out', file('sec1.der')),
    openssl('pkcs8', '-topk8', '-nocrypt', '-in', file('pem'), '-outform', 'DER', '-out', file('pkcs8.der')),
  ]);

  const sec1: Partial<CredmanCredential> = {};
  assert.equal(credman.loadPrivateEccKey(readFileSync(file('sec1.der')), sec1), CREDMAN_OK);
  const pkcs8: Partial<CredmanCredential> = { type: CREDMAN_TYPE_EMPTY };
  assert.equal(credman.loadPrivateKey(readFileSync(file('pkcs8.der')), pkcs8), CREDMAN_OK);
  const publicKey: Partial<EcdsaPublicKey> = {};
  assert.equal(credman.loadPublicKey(readFileSync(file('pub.der')), publicKey), CREDMAN_OK);

  const pair = pkcs8.params?.ecdsa;
  assert.ok(pair !== undefined);
  assert.deepEqual(sec1.params?.ecdsa, pair);
  assert.deepEqual(publicKey, pair.publicKey);
  return { privateKeyFile: file('pem'), publicKeyFile: file('pub.pem'), pair, publicKey: pair.publicKey };
}
