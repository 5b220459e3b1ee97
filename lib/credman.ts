/**
 * The pool of credentials: RIOT's `net/credman.h`. There is one for the process, worker threads included.
 *
 * @module
 */

import { checkBytes, checkNumber, checkObject, isBytes, isUpTo, typeError } from './check.js';
import {
  CREDMAN_INVALID,
  CREDMAN_NOT_FOUND,
  CREDMAN_OK,
  CREDMAN_TAG_EMPTY,
  CREDMAN_TYPE_ECDSA,
  CREDMAN_TYPE_EMPTY,
  CREDMAN_TYPE_PSK,
  CREDMAN_TYPE_UNKNOWN,
} from './constants.js';
import { native } from './native.js';

/** A pre-shared key. Text is taken as UTF-8; what `get` fills is bytes. */
export interface PskParams {
  /** The identity, up to 65,535 bytes. */
  id?: Uint8Array | string | undefined;
  /** The key, 1 to 65,535 bytes. */
  key: Uint8Array | string;
  /** The hint by which a client recognises the server that the key is for. */
  hint?: Uint8Array | string | undefined;
}

/** A public key on P-256. */
export interface EcdsaPublicKey {
  /** 32 bytes, big endian. */
  x: Uint8Array;
  /** 32 bytes, big endian. */
  y: Uint8Array;
}

/** A key pair on P-256. */
export interface EcdsaParams {
  /** 32 bytes, big endian. */
  privateKey: Uint8Array;
  /** The public key that belongs to it. */
  publicKey: EcdsaPublicKey;
  /** Public keys of peers that are accepted when `verifyPublicKey` is on. */
  clientKeys?: EcdsaPublicKey[] | undefined;
}

/** A credential: RIOT's `credman_credential_t`. */
export interface CredmanCredential {
  /** 1 to 65535: by its tag a sock is given a credential. */
  tag: number;
  /** {@link CREDMAN_TYPE_PSK} or {@link CREDMAN_TYPE_ECDSA}. */
  type: number;
  /** The member that belongs to the type. */
  params: { psk?: PskParams | undefined; ecdsa?: EcdsaParams | undefined };
}

const MAX_TAG = 0xffff;
const COORDINATE = 32;

/** Bytes of a member that may be left out: null then. Checks its type. */
function optionalBytes(name: string, value: unknown): Uint8Array | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (!isBytes(value)) throw typeError(name, 'a Uint8Array or a string', value);
  return value;
}

function optionalCoordinate(name: string, value: unknown): Uint8Array | null {
  if (value === undefined || value === null) return null;
  checkBytes(name, value);
  return value;
}

function optionalObject<T extends object>(name: string, value: T | null | undefined): Partial<T> {
  if (value === undefined || value === null) return {};
  checkObject(name, value);
  return value;
}

function addPsk(tag: number, params: Partial<PskParams>): number {
  const id = optionalBytes('cred.params.psk.id', params.id);
  const key = optionalBytes('cred.params.psk.key', params.key);
  const hint = optionalBytes('cred.params.psk.hint', params.hint);
  if (!isTag(tag) || key === null || key.length === 0) return CREDMAN_INVALID;
  return native.credmanAddPsk(tag, id, key, hint);
}

function addEcdsa(tag: number, params: Partial<EcdsaParams>): number {
  const privateKey = optionalCoordinate('cred.params.ecdsa.privateKey', params.privateKey);
  const own = optionalObject<EcdsaPublicKey>('cred.params.ecdsa.publicKey', params.publicKey);
  const x = optionalCoordinate('cred.params.ecdsa.publicKey.x', own.x);
  const y = optionalCoordinate('cred.params.ecdsa.publicKey.y', own.y);
  const clientKeys = params.clientKeys ?? [];
  if (!Array.isArray(clientKeys)) throw typeError('cred.params.ecdsa.clientKeys', 'an array', clientKeys);
  const coordinates: (Uint8Array | null)[] = [];
  for (const clientKey of clientKeys) {
    checkObject('a member of cred.params.ecdsa.clientKeys', clientKey);
    coordinates.push(optionalCoordinate('x of a client key', clientKey.x));
    coordinates.push(optionalCoordinate('y of a client key', clientKey.y));
  }
  if (!isTag(tag) || coordinates.includes(null)) return CREDMAN_INVALID;
  if (privateKey === null || x === null || y === null) return CREDMAN_INVALID;
  return native.credmanAddEcdsa(tag, privateKey, x, y, coordinates as Uint8Array[]);
}

function isTag(tag: number): boolean {
  return isUpTo(tag, MAX_TAG) && tag !== CREDMAN_TAG_EMPTY;
}

function publicKeys(coordinates: readonly Uint8Array[]): EcdsaPublicKey[] {
  const keys: EcdsaPublicKey[] = [];
  for (let i = 0; i + 1 < coordinates.length; i += 2) {
    keys.push({ x: coordinates[i] as Uint8Array, y: coordinates[i + 1] as Uint8Array });
  }
  return keys;
}

function loadPrivate(buf: Uint8Array, cred: CredmanCredential, ecc: boolean): number {
  checkBytes('buf', buf);
  checkObject('cred', cred);
  const key = native.credmanLoadPrivateKey(buf, ecc);
  if (typeof key === 'number') return key;
  cred.type = CREDMAN_TYPE_ECDSA;
  cred.params = {
    ...cred.params,
    ecdsa: {
      ...cred.params?.ecdsa,
      privateKey: key.slice(0, COORDINATE),
      publicKey: { x: key.slice(COORDINATE, 2 * COORDINATE), y: key.slice(2 * COORDINATE) },
    },
  };
  key.fill(0);
  return CREDMAN_OK;
}

/** The calls of {@link credman}. */
export interface Credman {
  /**
   * Adds a credential to the pool. It is copied: what JavaScript holds can change afterwards.
   *
   * @param cred - the credential
   * @returns CREDMAN_OK; CREDMAN_INVALID: the tag or the type is EMPTY, or the tag is above 65535, a PSK has no key, an
   *   ECDSA credential lacks its private or public key, a key has the wrong length, a point is not on the curve, or the
   *   public key does not belong to the private key; CREDMAN_TYPE_UNKNOWN; CREDMAN_EXIST: the pool has a credential with
   *   this tag and type; CREDMAN_NO_SPACE: the pool is full
   * @throws TypeError for a wrong type
   */
  add(cred: CredmanCredential): number;
  /**
   * Gets a copy of a credential.
   *
   * @param out - filled
   * @param tag - its tag
   * @param type - its type
   * @returns CREDMAN_OK or CREDMAN_NOT_FOUND
   * @throws TypeError for a wrong type
   */
  get(out: CredmanCredential, tag: number, type: number): number;
  /**
   * Deletes a credential and wipes its secret. Handshakes that have picked it finish with it. Without such a credential it
   * does nothing.
   *
   * @throws TypeError for a wrong type
   */
  delete(tag: number, type: number): void;
  /** Deletes all credentials. */
  deleteAll(): void;
  /** How many credentials the pool has. */
  getUsedCount(): number;
  /**
   * Reads a public key.
   *
   * @param buf - DER SubjectPublicKeyInfo (RFC 5280) of a P-256 key, its point uncompressed
   * @param out - filled: `x` and `y`
   * @returns CREDMAN_OK or CREDMAN_INVALID
   * @throws TypeError for a wrong type
   */
  loadPublicKey(buf: Uint8Array, out: Partial<EcdsaPublicKey>): number;
  /**
   * Reads a private key.
   *
   * @param buf - DER PKCS#8 OneAsymmetricKey (RFC 5958) of a P-256 key
   * @param cred - filled: `type`, and the private and public key in `params.ecdsa`; `tag` and `clientKeys` stay. A public
   *   key that the file does not carry is derived.
   * @returns CREDMAN_OK or CREDMAN_INVALID
   * @throws TypeError for a wrong type
   */
  loadPrivateKey(buf: Uint8Array, cred: Partial<CredmanCredential>): number;
  /**
   * Reads a private key: as {@link Credman.loadPrivateKey}, but of DER ECPrivateKey (RFC 5915, version 1).
   *
   * @returns CREDMAN_OK or CREDMAN_INVALID
   * @throws TypeError for a wrong type
   */
  loadPrivateEccKey(buf: Uint8Array, cred: Partial<CredmanCredential>): number;
  /**
   * Sets how many credentials the pool may have. The default is 65,535. Credentials above the limit stay.
   *
   * @param limit - 0 to 4,294,967,295
   * @returns CREDMAN_OK, or CREDMAN_INVALID for a number that is no limit
   * @throws TypeError for a wrong type
   */
  setMaxCredentials(limit: number): number;
}

/** The pool of credentials of this process. */
export const credman: Readonly<Credman> = Object.freeze({
  add(cred: CredmanCredential): number {
    checkObject('cred', cred);
    checkNumber('cred.tag', cred.tag);
    checkNumber('cred.type', cred.type);
    const params = optionalObject('cred.params', cred.params);
    if (cred.type === CREDMAN_TYPE_PSK)
      return addPsk(cred.tag, optionalObject('cred.params.psk', params.psk));
    if (cred.type === CREDMAN_TYPE_ECDSA) {
      return addEcdsa(cred.tag, optionalObject('cred.params.ecdsa', params.ecdsa));
    }
    return !isTag(cred.tag) || cred.type === CREDMAN_TYPE_EMPTY ? CREDMAN_INVALID : CREDMAN_TYPE_UNKNOWN;
  },

  get(out: CredmanCredential, tag: number, type: number): number {
    checkObject('out', out);
    checkNumber('tag', tag);
    checkNumber('type', type);
    if (!isTag(tag) || (type !== CREDMAN_TYPE_PSK && type !== CREDMAN_TYPE_ECDSA)) return CREDMAN_NOT_FOUND;
    const found = native.credmanGet(tag, type);
    if (found === null) return CREDMAN_NOT_FOUND;
    out.tag = tag;
    out.type = type;
    if (type === CREDMAN_TYPE_PSK) {
      const psk: PskParams = { key: found.key ?? new Uint8Array() };
      if (found.id) psk.id = found.id;
      if (found.hint) psk.hint = found.hint;
      out.params = { psk };
    } else {
      const { privateKey, x, y, clientKeys } = found;
      out.params = {
        ecdsa: {
          privateKey: privateKey ?? new Uint8Array(),
          publicKey: { x: x ?? new Uint8Array(), y: y ?? new Uint8Array() },
          clientKeys: publicKeys(clientKeys ?? []),
        },
      };
    }
    return CREDMAN_OK;
  },

  delete(tag: number, type: number): void {
    checkNumber('tag', tag);
    checkNumber('type', type);
    if (isTag(tag) && isUpTo(type, 0xff)) native.credmanDelete(tag, type);
  },

  deleteAll(): void {
    native.credmanDeleteAll();
  },

  getUsedCount(): number {
    return native.credmanCount();
  },

  loadPublicKey(buf: Uint8Array, out: Partial<EcdsaPublicKey>): number {
    checkBytes('buf', buf);
    checkObject('out', out);
    const key = native.credmanLoadPublicKey(buf);
    if (typeof key === 'number') return key;
    out.x = key.slice(0, COORDINATE);
    out.y = key.slice(COORDINATE);
    return CREDMAN_OK;
  },

  loadPrivateKey(buf: Uint8Array, cred: Partial<CredmanCredential>): number {
    return loadPrivate(buf, cred as CredmanCredential, false);
  },

  loadPrivateEccKey(buf: Uint8Array, cred: Partial<CredmanCredential>): number {
    return loadPrivate(buf, cred as CredmanCredential, true);
  },

  setMaxCredentials(limit: number): number {
    checkNumber('limit', limit);
    return isUpTo(limit, 0xffffffff) ? native.credmanSetMax(limit) : CREDMAN_INVALID;
  },
});
