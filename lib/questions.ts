/**
 * Questions of a handshake to the user's callbacks: which credential to use.
 *
 * @module
 */

import { debuglog } from 'node:util';
import { isUpTo } from './check.js';
import { CREDMAN_TAG_EMPTY } from './constants.js';

const debug = debuglog('sock-dtls');

function validTag(tag: unknown): number {
  return typeof tag === 'number' && isUpTo(tag, 0xffff) ? tag : CREDMAN_TAG_EMPTY;
}

/**
 * Asks a callback for a tag.
 *
 * @param ask - calls the user's callback
 * @param answer - called once, at once or when the callback's promise settles. A throw, a rejection, and what is no tag count
 *   as CREDMAN_TAG_EMPTY (the environment variable NODE_DEBUG=sock-dtls shows them).
 */
export function askForTag(ask: () => number | PromiseLike<number>, answer: (tag: number) => void): void {
  const failed = (error: unknown): void => {
    debug('a credential callback failed: %o', error);
    answer(CREDMAN_TAG_EMPTY);
  };
  let tag: unknown;
  try {
    tag = ask();
    if (typeof tag === 'object' && tag !== null && 'then' in tag) {
      Promise.resolve(tag as PromiseLike<number>).then((value) => answer(validTag(value)), failed);
      return;
    }
  } catch (error) {
    failed(error);
    return;
  }
  answer(validTag(tag));
}

const warned = Symbol.for('sock-dtls.warned-unverified');

/** Warns, once in a process, that a peer's raw public key was accepted unverified. */
export function warnUnverified(): void {
  const flags = globalThis as unknown as Record<symbol, boolean | undefined>;
  if (flags[warned]) return;
  flags[warned] = true;
  process.emitWarning('A peer that anyone can be was accepted: its raw public key was not verified.', {
    type: 'SockDtlsWarning',
    code: 'SOCK_DTLS_UNVERIFIED_PEER',
    detail:
      'Create the sock with new SockDtls({ verifyPublicKey: true }), and list the keys of the peers to accept in ' +
      'clientKeys of its ECDSA credentials.',
  });
}
