/**
 * What is known about an established session.
 *
 * @module
 */

import type { EcdsaPublicKey } from './credman.js';
import type { NativeSessionInfo } from './native.js';
import { suiteName } from './suites.js';

/** What was negotiated with a peer, and who it is. Beyond RIOT. */
export interface SockDtlsSessionInfo {
  /** The name of the cipher suite: `'TLS_PSK_WITH_AES_128_CCM_8'`. */
  suite: string;
  /** Its number in IANA's registry. */
  suiteNumber: number;
  /** Its key exchange: `'PSK'`, `'ECDHE_PSK'` or `'ECDHE_ECDSA'`. */
  keyExchange: string;
  /** Whether the keys depend on the whole handshake (RFC 7627). */
  extendedMasterSecret: boolean;
  /** The raw public key of the peer, null if it has shown none. */
  peerPublicKey: EcdsaPublicKey | null;
  /** The PSK identity that the client has named, null without a PSK. */
  pskIdentity: Uint8Array | null;
}

export function sessionInfo(from: NativeSessionInfo): SockDtlsSessionInfo {
  const suite = suiteName(from.suite);
  const key = from.peerPublicKey ?? null;
  return {
    suite,
    suiteNumber: from.suite,
    keyExchange: /^TLS_(\w+?)_WITH_/.exec(suite)?.[1] ?? 'unknown',
    extendedMasterSecret: from.extendedMasterSecret,
    // The point is what a SubjectPublicKeyInfo ends with.
    peerPublicKey: key && { x: key.slice(-64, -32), y: key.slice(-32) },
    pskIdentity: from.pskIdentity ?? null,
  };
}
