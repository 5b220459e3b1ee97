/**
 * The constants of RIOT's sock API, with their C names.
 *
 * @module
 */

import { errno } from './errno.js';

/** No address family: an endpoint that has not been set. */
export const AF_UNSPEC = 0;
/** Address family IPv4. The same number on every platform. */
export const AF_INET = 2;
/** Address family IPv6. The same number on every platform. */
export const AF_INET6 = 10;

/** The value of `netif` that stands for any network interface. */
export const SOCK_ADDR_ANY_NETIF = 0;

/** A timeout that never ends, for `recv*` and `send*`. Timeouts are in microseconds. */
export const SOCK_NO_TIMEOUT = 0xffffffff;

/** Flag of `SockUdp.create`: several socks may share the local endpoint (SO_REUSEADDR, SO_REUSEPORT). */
export const SOCK_FLAGS_REUSE_EP = 1;

/** Auxiliary data of a received message: the local endpoint that it arrived at. */
export const SOCK_AUX_GET_LOCAL = 1;
/** Auxiliary data of a received message: when it arrived, in nanoseconds since 1970. */
export const SOCK_AUX_GET_TIMESTAMP = 2;
/** Auxiliary data of a received message: the signal strength. No host delivers it, so its flag stays set. */
export const SOCK_AUX_GET_RSSI = 4;
/** Auxiliary data of a message to send: the local endpoint to send from. */
export const SOCK_AUX_SET_LOCAL = 8;
/** Auxiliary data of a received message: its TTL (IPv4) or hop limit (IPv6) on arrival. */
export const SOCK_AUX_GET_TTL = 16;

/** Event: a session is ready, its handshake has completed. */
export const SOCK_ASYNC_CONN_RDY = 1;
/** Event: a session ended, other than by `sessionDestroy` or `close` of this sock. */
export const SOCK_ASYNC_CONN_FIN = 2;
/** Event: a handshake result can be fetched with `tryRecv`. Comes together with {@link SOCK_ASYNC_CONN_RDY}. */
export const SOCK_ASYNC_CONN_RECV = 4;
/** Event: at least one message can be fetched. */
export const SOCK_ASYNC_MSG_RECV = 16;
/** Event: a message of more than 0 bytes was sent. */
export const SOCK_ASYNC_MSG_SENT = 32;
/** Event: the address of a peer changed. */
export const SOCK_ASYNC_PATH_PROP = 64;

/** DTLS 1.0. No engine speaks it: `create` gives -1. */
export const SOCK_DTLS_1_0 = 1;
/** DTLS 1.2 (RFC 6347). */
export const SOCK_DTLS_1_2 = 2;
/** DTLS 1.3 (RFC 9147). Gives -1 until an engine speaks it. */
export const SOCK_DTLS_1_3 = 3;

/** Role of a sock that only starts sessions. */
export const SOCK_DTLS_CLIENT = 1;
/** Role of a sock that accepts sessions, and may start some. */
export const SOCK_DTLS_SERVER = 2;

/** `recv` returns its negative once for each completed handshake. It is the host's `EXDEV`. */
export const SOCK_DTLS_HANDSHAKE: number = errno.EXDEV;

/** Size of the buffer that RIOT's programs hand to `recv` while a handshake is under way, in bytes. */
export const DTLS_HANDSHAKE_BUFSIZE = 256;
/** The port that RIOT's DTLS examples use. */
export const DTLS_DEFAULT_PORT = 20220;
/** Default of the option `forceExtendedMasterSecret`. */
export const CONFIG_DTLS_FORCE_EXTENDED_MASTER_SECRET = true;
/** Default of the option `forceRenegotiationInfo`. */
export const CONFIG_DTLS_FORCE_RENEGOTIATION_INFO = true;

/** The empty tag: no credential. */
export const CREDMAN_TAG_EMPTY = 0;
/** The type of a credential that has not been set. */
export const CREDMAN_TYPE_EMPTY = 0;
/** A pre-shared key. */
export const CREDMAN_TYPE_PSK = 1;
/** A key pair on P-256. */
export const CREDMAN_TYPE_ECDSA = 2;

/** credman: success. */
export const CREDMAN_OK = 0;
/** credman: there is a credential with that tag and type. */
export const CREDMAN_EXIST = -1;
/** credman: the pool is full. */
export const CREDMAN_NO_SPACE = -2;
/** credman: no credential has that tag and type. */
export const CREDMAN_NOT_FOUND = -3;
/** credman: the credential or the key file is not valid. */
export const CREDMAN_INVALID = -4;
/** credman: the type of the credential is not known. */
export const CREDMAN_TYPE_UNKNOWN = -5;
/** credman: any other failure. */
export const CREDMAN_ERROR = -6;
