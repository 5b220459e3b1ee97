/**
 * DTLS for Node.js behind RIOT's sock API.
 *
 * @packageDocumentation
 */

export type { SockAux } from './lib/aux.js';
export * from './lib/constants.js';
export {
  type Credman,
  type CredmanCredential,
  credman,
  type EcdsaParams,
  type EcdsaPublicKey,
  type PskParams,
} from './lib/credman.js';
export {
  type ClientPskCallback,
  type EventsCallback,
  type RpkCallback,
  SockDtls,
  sockDtlsInit,
} from './lib/dtls.js';
export { SOCK_IPV4_EP_ANY, SOCK_IPV6_EP_ANY, type SockUdpEp } from './lib/endpoint.js';
export { type ErrnoName, errno, strerror } from './lib/errno.js';
export type { SockDtlsSessionInfo } from './lib/info.js';
export type { SockDtlsOptions } from './lib/options.js';
export type { SockRecvBuf, SockRecvBufCtx } from './lib/recvbuf.js';
export { SockDtlsSession } from './lib/session.js';
export { CIPHER_SUITES } from './lib/suites.js';
export { SockUdp } from './lib/udp.js';
