/**
 * Credentials for the examples. Everybody has them: never use them for anything else.
 *
 * The key pairs are those of the files in `keys/`.
 */

import {
  CREDMAN_TYPE_ECDSA,
  CREDMAN_TYPE_PSK,
  type CredmanCredential,
  credman,
  type EcdsaPublicKey,
} from 'sock-dtls';

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex');

const pskKey = 'secretPSK';
const pskId = 'secretID';

const serverEcdsaPrivKey = hex('5d8e553a2b52f5c64f4ae35b5df5c62b48356b3e752cf079a83f34d4bf9aa950');
const serverEcdsaPubKey: EcdsaPublicKey = {
  x: hex('d94da3ab9c027f4b0b005636bae8e18b803e34a14d8f28b45c965c39c4227cbf'),
  y: hex('2da5237560c46165a02c9710819c409ba5e20d0867f95679d965bc611fd856d2'),
};

const clientEcdsaPrivKey = hex('b643a76de45d2a24c500f0c683f795012e522e8d07cc61b30686d47d0703b021');
const clientEcdsaPubKey: EcdsaPublicKey = {
  x: hex('ff7cdc9963c6300499e75d8dda12c767a255b21bfd0543c9f868a8c35139fdbd'),
  y: hex('379d20ac9bbf0f19350e746afda7c5af37a1c84a1ba38756c3c3f507726ed6a8'),
};

/** Adds a PSK and a key pair for the server or the client, both under the same tag. */
export function addCredentials(tag: number, role: 'server' | 'client'): void {
  const pskCredential: CredmanCredential = {
    type: CREDMAN_TYPE_PSK,
    tag,
    params: {
      psk: {
        key: pskKey,
        id: pskId,
      },
    },
  };

  if (credman.add(pskCredential) < 0) {
    console.error('Error cannot add credential');
  }

  const server = role === 'server';
  const eccCredential: CredmanCredential = {
    type: CREDMAN_TYPE_ECDSA,
    tag,
    params: {
      ecdsa: {
        privateKey: server ? serverEcdsaPrivKey : clientEcdsaPrivKey,
        publicKey: server ? serverEcdsaPubKey : clientEcdsaPubKey,
        clientKeys: [server ? clientEcdsaPubKey : serverEcdsaPubKey],
      },
    },
  };

  if (credman.add(eccCredential) < 0) {
    console.error('Error cannot add credential');
  }
}
