import { readFileSync } from 'node:fs';
import test from 'ava';
import {
  CREDMAN_EXIST,
  CREDMAN_INVALID,
  CREDMAN_NO_SPACE,
  CREDMAN_NOT_FOUND,
  CREDMAN_OK,
  CREDMAN_TAG_EMPTY,
  CREDMAN_TYPE_ECDSA,
  CREDMAN_TYPE_EMPTY,
  CREDMAN_TYPE_PSK,
  CREDMAN_TYPE_UNKNOWN,
  type CredmanCredential,
  credman,
  type EcdsaParams,
  type EcdsaPublicKey,
} from '../../index.js';
import { newKey, newKeyPair } from '../helpers/credentials.js';

const DEFAULT_MAX = 65_535;

// There is one pool, so the tests take turns.
test.beforeEach(() => {
  credman.deleteAll();
  credman.setMaxCredentials(DEFAULT_MAX);
});

function psk(tag: number, id = `id ${tag}`): CredmanCredential {
  return { tag, type: CREDMAN_TYPE_PSK, params: { psk: { id, key: 'a key' } } };
}

function ecdsa(tag: number, params: EcdsaParams = newKeyPair()): CredmanCredential {
  return { tag, type: CREDMAN_TYPE_ECDSA, params: { ecdsa: params } };
}

function empty(): CredmanCredential {
  return { tag: CREDMAN_TAG_EMPTY, type: CREDMAN_TYPE_EMPTY, params: {} };
}

function utf8(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

// RIOT's tests-credman, rebuilt.

test.serial('add tells what became of a credential, and counts', (t) => {
  t.is(credman.getUsedCount(), 0);
  t.is(credman.add(psk(1)), CREDMAN_OK);
  t.is(credman.getUsedCount(), 1);
  t.is(credman.add(psk(1)), CREDMAN_EXIST);
  t.is(credman.getUsedCount(), 1);
  // Parameters are looked at before the tag is.
  t.is(credman.add({ tag: 1, type: CREDMAN_TYPE_PSK, params: { psk: { key: '' } } }), CREDMAN_INVALID);
  t.is(credman.add({ tag: 1, type: CREDMAN_TYPE_PSK, params: {} }), CREDMAN_INVALID);
  t.is(credman.getUsedCount(), 1);
  credman.setMaxCredentials(2);
  t.is(credman.add(ecdsa(1)), CREDMAN_OK);
  t.is(credman.getUsedCount(), 2);
  t.is(credman.add(psk(2)), CREDMAN_NO_SPACE);
  t.is(credman.getUsedCount(), 2);
});

test.serial('get gives what was added, and nothing else', (t) => {
  const out = empty();
  t.is(credman.get(out, 1, CREDMAN_TYPE_PSK), CREDMAN_NOT_FOUND);
  t.deepEqual(out, empty());
  const hinted = { tag: 1, type: CREDMAN_TYPE_PSK, params: { psk: { id: 'id', key: 'key', hint: 'hint' } } };
  t.is(credman.add(hinted), CREDMAN_OK);
  t.is(credman.get(out, 1, CREDMAN_TYPE_ECDSA), CREDMAN_NOT_FOUND);
  t.is(credman.get(out, 2, CREDMAN_TYPE_PSK), CREDMAN_NOT_FOUND);
  t.is(credman.get(out, 1, CREDMAN_TYPE_PSK), CREDMAN_OK);
  t.deepEqual(out, {
    tag: 1,
    type: CREDMAN_TYPE_PSK,
    params: { psk: { id: utf8('id'), key: utf8('key'), hint: utf8('hint') } },
  });
  const clientKeys = [newKeyPair().publicKey, newKeyPair().publicKey];
  const pair = { ...newKeyPair(), clientKeys };
  t.is(credman.add(ecdsa(1, pair)), CREDMAN_OK);
  t.is(credman.get(out, 1, CREDMAN_TYPE_ECDSA), CREDMAN_OK);
  t.deepEqual(out, ecdsa(1, pair));
});

test.serial('delete takes one credential away and leaves the others', (t) => {
  for (const tag of [1, 2, 3]) t.is(credman.add(psk(tag)), CREDMAN_OK);
  credman.delete(2, CREDMAN_TYPE_PSK);
  t.is(credman.getUsedCount(), 2);
  t.is(credman.get(empty(), 2, CREDMAN_TYPE_PSK), CREDMAN_NOT_FOUND);
  for (const tag of [1, 3]) t.is(credman.get(empty(), tag, CREDMAN_TYPE_PSK), CREDMAN_OK);
});

test.serial('deleting what is not there changes nothing', (t) => {
  t.is(credman.add(psk(1)), CREDMAN_OK);
  credman.delete(2, CREDMAN_TYPE_PSK);
  credman.delete(1, CREDMAN_TYPE_ECDSA);
  credman.delete(CREDMAN_TAG_EMPTY, CREDMAN_TYPE_EMPTY);
  credman.delete(-1, 300);
  t.is(credman.getUsedCount(), 1);
  t.is(credman.get(empty(), 1, CREDMAN_TYPE_PSK), CREDMAN_OK);
});

test.serial('credentials deleted in any order leave their places free', (t) => {
  const tags = [11, 7, 3, 9, 1, 5];
  credman.setMaxCredentials(tags.length);
  for (const tag of tags) t.is(credman.add(psk(tag)), CREDMAN_OK);
  t.is(credman.add(psk(99)), CREDMAN_NO_SPACE);
  const left = new Set(tags);
  for (const tag of [3, 11, 5, 9]) {
    credman.delete(tag, CREDMAN_TYPE_PSK);
    left.delete(tag);
    t.is(credman.getUsedCount(), left.size);
    for (const other of tags) {
      const expected = left.has(other) ? CREDMAN_OK : CREDMAN_NOT_FOUND;
      t.is(credman.get(empty(), other, CREDMAN_TYPE_PSK), expected);
    }
  }
  for (const tag of [20, 21, 22, 23]) t.is(credman.add(psk(tag)), CREDMAN_OK);
  t.is(credman.add(psk(24)), CREDMAN_NO_SPACE);
});

test.serial('the pool can be filled, emptied and filled again', (t) => {
  const count = 300;
  credman.setMaxCredentials(count);
  for (let round = 0; round < 3; round++) {
    for (let tag = 1; tag <= count; tag++) t.is(credman.add(psk(tag)), CREDMAN_OK);
    t.is(credman.getUsedCount(), count);
    t.is(credman.add(psk(count + 1)), CREDMAN_NO_SPACE);
    if (round % 2 === 0) {
      for (let tag = 1; tag <= count; tag++) credman.delete(tag, CREDMAN_TYPE_PSK);
    } else {
      credman.deleteAll();
    }
    t.is(credman.getUsedCount(), 0);
    t.is(credman.get(empty(), 1, CREDMAN_TYPE_PSK), CREDMAN_NOT_FOUND);
  }
});

test.serial('a public key is read from its SubjectPublicKeyInfo', (t) => {
  const { spki, publicKey } = newKey();
  const out: Partial<EcdsaPublicKey> = {};
  t.is(credman.loadPublicKey(spki, out), CREDMAN_OK);
  t.deepEqual(out, publicKey);
});

test.serial('a private key is read from PKCS#8 and from SEC1, and the credential can be used', (t) => {
  const { pkcs8, sec1, privateKey, publicKey } = newKey();
  const loaded = empty();
  t.is(credman.loadPrivateKey(pkcs8, loaded), CREDMAN_OK);
  t.deepEqual(loaded, { ...empty(), type: CREDMAN_TYPE_ECDSA, params: { ecdsa: { privateKey, publicKey } } });
  const same = empty();
  t.is(credman.loadPrivateEccKey(sec1, same), CREDMAN_OK);
  t.deepEqual(same, loaded);
  t.is(credman.add({ ...loaded, tag: 1 }), CREDMAN_OK);
});

// Beyond RIOT's tests.

test.serial('an empty tag or type, a missing key and an unknown type are told apart, in this order', (t) => {
  const key = newKeyPair();
  const rows: [string, unknown, number][] = [
    ['an empty tag', psk(CREDMAN_TAG_EMPTY), CREDMAN_INVALID],
    ['an empty type', { ...psk(1), type: CREDMAN_TYPE_EMPTY }, CREDMAN_INVALID],
    ['an empty tag of an unknown type', { ...psk(0), type: 9 }, CREDMAN_INVALID],
    ['a tag beyond 65535', psk(65_536), CREDMAN_INVALID],
    ['a tag that is no integer', psk(1.5), CREDMAN_INVALID],
    ['a PSK without parameters', { ...psk(1), params: {} }, CREDMAN_INVALID],
    ['a PSK without a key', { ...psk(1), params: { psk: { id: 'id' } } }, CREDMAN_INVALID],
    ['a PSK with an empty key', { ...psk(1), params: { psk: { key: new Uint8Array() } } }, CREDMAN_INVALID],
    ['an ECDSA credential without parameters', { ...ecdsa(1), params: {} }, CREDMAN_INVALID],
    ['no private key', { ...ecdsa(1), params: { ecdsa: { publicKey: key.publicKey } } }, CREDMAN_INVALID],
    ['no public key', { ...ecdsa(1), params: { ecdsa: { privateKey: key.privateKey } } }, CREDMAN_INVALID],
    ['half a public key', ecdsa(1, { ...key, publicKey: { x: key.publicKey.x } as never }), CREDMAN_INVALID],
    ['an unknown type', { ...psk(1), type: 3 }, CREDMAN_TYPE_UNKNOWN],
    ['a negative type', { ...psk(1), type: -1 }, CREDMAN_TYPE_UNKNOWN],
  ];
  // Full, so that NO_SPACE would show if it came first.
  credman.setMaxCredentials(0);
  for (const [what, cred, expected] of rows) t.is(credman.add(cred as CredmanCredential), expected, what);
  t.is(credman.add(psk(1)), CREDMAN_NO_SPACE);
  t.is(credman.getUsedCount(), 0);
});

test.serial('keys that cannot be used are invalid', (t) => {
  const key = newKeyPair();
  const { publicKey } = key;
  const other = newKeyPair();
  const off = publicKey.y.slice();
  off[31] = (off[31] ?? 0) ^ 1;
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
  const rows: [string, EcdsaParams][] = [
    ['a short private key', { ...key, privateKey: key.privateKey.subarray(1) }],
    ['a long private key', { ...key, privateKey: Buffer.concat([Buffer.of(0), key.privateKey]) }],
    ['a private key of zero', { ...key, privateKey: new Uint8Array(32) }],
    ['a private key beyond the order of the group', { ...key, privateKey: order }],
    ['a short coordinate', { ...key, publicKey: { x: publicKey.x.subarray(1), y: publicKey.y } }],
    ['a point that is not on the curve', { ...key, publicKey: { x: publicKey.x, y: off } }],
    ['a public key of another private key', { ...key, publicKey: other.publicKey }],
    ['a client key that is not on the curve', { ...key, clientKeys: [{ x: publicKey.x, y: off }] }],
    ['a client key of the wrong length', { ...key, clientKeys: [{ x: publicKey.x, y: new Uint8Array(31) }] }],
  ];
  for (const [what, params] of rows) t.is(credman.add(ecdsa(1, params)), CREDMAN_INVALID, what);
  t.is(credman.getUsedCount(), 0);
  t.is(credman.add(ecdsa(1, key)), CREDMAN_OK);
});

test.serial('one tag holds a PSK and a key pair, each on its own', (t) => {
  t.is(credman.add(psk(1)), CREDMAN_OK);
  t.is(credman.add(ecdsa(1)), CREDMAN_OK);
  t.is(credman.getUsedCount(), 2);
  credman.delete(1, CREDMAN_TYPE_PSK);
  t.is(credman.get(empty(), 1, CREDMAN_TYPE_PSK), CREDMAN_NOT_FOUND);
  t.is(credman.get(empty(), 1, CREDMAN_TYPE_ECDSA), CREDMAN_OK);
});

test.serial('EXIST goes before NO_SPACE', (t) => {
  credman.setMaxCredentials(1);
  t.is(credman.add(psk(1)), CREDMAN_OK);
  t.is(credman.add(psk(1)), CREDMAN_EXIST);
});

test.serial('a lower limit keeps what there is and lets nothing in', (t) => {
  for (const tag of [1, 2, 3]) t.is(credman.add(psk(tag)), CREDMAN_OK);
  t.is(credman.setMaxCredentials(2), CREDMAN_OK);
  t.is(credman.getUsedCount(), 3);
  credman.delete(1, CREDMAN_TYPE_PSK);
  t.is(credman.add(psk(4)), CREDMAN_NO_SPACE);
  credman.delete(2, CREDMAN_TYPE_PSK);
  t.is(credman.add(psk(4)), CREDMAN_OK);
  for (const limit of [-1, 1.5, 2 ** 32, Number.NaN]) t.is(credman.setMaxCredentials(limit), CREDMAN_INVALID);
});

test.serial('a credential is copied in and copied out', (t) => {
  const key = new Uint8Array([1, 2, 3]);
  const pair = newKeyPair();
  const untouched = structuredClone(pair);
  t.is(credman.add({ tag: 1, type: CREDMAN_TYPE_PSK, params: { psk: { id: 'id', key } } }), CREDMAN_OK);
  t.is(credman.add(ecdsa(1, pair)), CREDMAN_OK);
  key.fill(9);
  pair.privateKey.fill(9);
  pair.publicKey.x.fill(9);
  const out = empty();
  t.is(credman.get(out, 1, CREDMAN_TYPE_PSK), CREDMAN_OK);
  t.deepEqual(out.params.psk?.key, new Uint8Array([1, 2, 3]));
  const copy = out.params.psk?.key;
  if (copy instanceof Uint8Array) copy.fill(8);
  t.is(credman.get(out, 1, CREDMAN_TYPE_PSK), CREDMAN_OK);
  t.deepEqual(out.params.psk?.key, new Uint8Array([1, 2, 3]));
  t.is(credman.get(out, 1, CREDMAN_TYPE_ECDSA), CREDMAN_OK);
  t.deepEqual(out.params.ecdsa?.privateKey, untouched.privateKey);
  t.deepEqual(out.params.ecdsa?.publicKey, untouched.publicKey);
});

test.serial('tags go from 1 to 65535', (t) => {
  for (const tag of [1, 65_535]) t.is(credman.add(psk(tag)), CREDMAN_OK);
  t.is(credman.getUsedCount(), 2);
});

test.serial('a private key without its public key in the file has it derived', (t) => {
  const { pkcs8, privateKey, publicKey } = newKey();
  // OneAsymmetricKey of RFC 5958 around an ECPrivateKey of RFC 5915 that is but the version and the key.
  const bare = Buffer.concat([
    Buffer.from('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420', 'hex'),
    privateKey,
  ]);
  t.true(bare.length < pkcs8.length);
  const out = empty();
  t.is(credman.loadPrivateKey(bare, out), CREDMAN_OK);
  t.deepEqual(out.params.ecdsa, { privateKey, publicKey });
});

test.serial('loading a key leaves the rest of the credential as it was', (t) => {
  const { pkcs8, publicKey } = newKey();
  const clientKeys = [newKeyPair().publicKey];
  const cred = { ...ecdsa(17), params: { psk: { key: 'kept' }, ecdsa: { ...newKeyPair(), clientKeys } } };
  t.is(credman.loadPrivateKey(pkcs8, cred), CREDMAN_OK);
  t.is(cred.tag, 17);
  t.deepEqual(cred.params.ecdsa.publicKey, publicKey);
  t.deepEqual(cred.params.ecdsa.clientKeys, clientKeys);
  t.deepEqual(cred.params.psk, { key: 'kept' });
});

test.serial('what is no key on P-256 in the right wrapping is invalid and fills nothing', (t) => {
  const key = newKey();
  const other = newKey('P-384');
  const rows: [string, (out: object) => number][] = [
    ['an SPKI on P-384', (out) => credman.loadPublicKey(other.spki, out)],
    ['a private key as SPKI', (out) => credman.loadPublicKey(key.pkcs8, out)],
    ['no bytes as SPKI', (out) => credman.loadPublicKey(new Uint8Array(), out)],
    ['PKCS#8 on P-384', (out) => credman.loadPrivateKey(other.pkcs8, out)],
    ['SEC1 as PKCS#8', (out) => credman.loadPrivateKey(key.sec1, out)],
    ['SEC1 on P-384', (out) => credman.loadPrivateEccKey(other.sec1, out)],
    ['PKCS#8 as SEC1', (out) => credman.loadPrivateEccKey(key.pkcs8, out)],
    ['PEM', (out) => credman.loadPrivateKey(readFileSync('examples/keys/server.pem'), out)],
  ];
  for (const [what, load] of rows) {
    const out = {};
    t.is(load(out), CREDMAN_INVALID, what);
    t.deepEqual(out, {}, what);
  }
});

test.serial('a key file that is cut or changed anywhere is invalid, or is a key', (t) => {
  const { spki, pkcs8, sec1 } = newKey();
  const loads: [Uint8Array, (der: Uint8Array) => number][] = [
    [spki, (der) => credman.loadPublicKey(der, {})],
    [pkcs8, (der) => credman.loadPrivateKey(der, {})],
    [sec1, (der) => credman.loadPrivateEccKey(der, {})],
  ];
  for (const [der, load] of loads) {
    t.is(load(der), CREDMAN_OK);
    for (let length = 0; length < der.length; length++) t.is(load(der.subarray(0, length)), CREDMAN_INVALID);
    t.is(load(Buffer.concat([der, Buffer.of(0)])), CREDMAN_INVALID);
    for (let at = 0; at < der.length; at++) {
      const changed = der.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x11;
      t.true([CREDMAN_OK, CREDMAN_INVALID].includes(load(changed)), `byte ${at}`);
    }
  }
});

test.serial('the default limit is 65,535 and one more does not fit', (t) => {
  for (let tag = 1; tag <= 65_535; tag++) credman.add(psk(tag));
  t.is(credman.getUsedCount(), DEFAULT_MAX);
  t.is(credman.add(ecdsa(1)), CREDMAN_NO_SPACE);
  credman.delete(40_000, CREDMAN_TYPE_PSK);
  t.is(credman.add(ecdsa(1)), CREDMAN_OK);
});
