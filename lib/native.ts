/**
 * The addon's interface, as `crates/dtls-node` exports it. Nothing here is public.
 *
 * Endpoints and the data about a received message cross as bytes, in the layouts of `layout.ts`. Results are numbers:
 * zero or more for success, the negated error number of the host for a failure.
 *
 * @module
 */

import { loadAddon } from './addon.cjs';

/** A UDP socket. */
export interface NativeUdp {
  create(local: Uint8Array | null, remote: Uint8Array | null, flags: number): number;
  getLocal(ep: Uint8Array): number;
  getRemote(ep: Uint8Array): number;
  /** -EAGAIN arms one call of the wake. */
  tryRecv(data: Uint8Array, meta: Uint8Array): number;
  tryRecvBuf(meta: Uint8Array): Uint8Array | number;
  /** -EAGAIN (the socket's buffer is full) arms one call of the wake. */
  trySend(data: Uint8Array | null, remote: Uint8Array | null, local: Uint8Array | null): number;
  trySendv(snips: Uint8Array[], remote: Uint8Array | null, local: Uint8Array | null): number;
  setWake(cb: (() => void) | null): void;
  close(): void;
}

/** Kinds of notification that a {@link NativeDtls} gives. */
export const NOTIFY_WAKE = 0;
export const NOTIFY_PSK_QUESTION = 1;
export const NOTIFY_RPK_QUESTION = 2;
export const NOTIFY_ESTABLISHED = 3;
export const NOTIFY_UNVERIFIED = 4;

/** What the addon calls when something happens. The meaning of the arguments depends on the kind. */
export type Notify = (
  kind: number,
  a: number,
  b: number,
  ep: Uint8Array | null,
  hint: Uint8Array | null,
) => void;

/** What the addon tells about an established session. */
export interface NativeSessionInfo {
  suite: number;
  extendedMasterSecret: boolean;
  peerPublicKey?: Uint8Array | null;
  pskIdentity?: Uint8Array | null;
}

/** A DTLS sock on a UDP socket. */
export interface NativeDtls {
  /** The event loop reads the UDP socket, and calls this when something awaited has come. Before `create`. */
  setReader(cb: () => void): void;
  create(udp: NativeUdp, tag: number, version: number, role: number): number;
  setServerPskIdHint(hint: Uint8Array | null): number;
  addCredential(tag: number): number;
  removeCredential(tag: number): number;
  getCredentials(): number[];
  setClientPskCb(on: boolean): void;
  setRpkCb(on: boolean): void;
  answer(questionId: number, tag: number): void;
  sessionInit(ep: Uint8Array, session: Uint8Array): number;
  sessionDestroy(session: Uint8Array): void;
  sessionInfo(session: Uint8Array): NativeSessionInfo | null;
  tryRecv(data: Uint8Array, meta: Uint8Array): number;
  tryRecvBuf(meta: Uint8Array): Uint8Array | number;
  /** Reads what there is, where a reader is set; whether that is awaited. */
  receive(): boolean;
  /** `later`: it leaves with the next `flush`, unless there is a `local`. */
  trySend(session: Uint8Array, data: Uint8Array | null, local: Uint8Array | null, later: boolean): number;
  trySendv(session: Uint8Array, snips: Uint8Array[], local: Uint8Array | null, later: boolean): number;
  flush(): void;
  /** 0: established already. 1: `NOTIFY_ESTABLISHED` follows, with the waiter and the result. */
  establish(session: Uint8Array, waiter: number): number;
  /** The waiter gives up: its half-open session is dropped. */
  abandon(session: Uint8Array, waiter: number): void;
  /** The next event: its flags, 0 for none. */
  takeEvent(session: Uint8Array): number;
  setEvents(on: boolean): void;
  setNotify(cb: Notify | null): void;
  stats(): Record<string, number>;
  close(): void;
}

/** The options of a sock, checked. */
export interface NativeOptions {
  engine?: string;
  verifyPublicKey?: boolean;
  forceExtendedMasterSecret?: boolean;
  forceRenegotiationInfo?: boolean;
  suites?: number[];
  groups?: number[];
  mtu?: number;
  maxSessions?: number;
  maxHandshakes?: number;
  maxHandshakesPerAddress?: number;
  handshakeLifetimeMs?: number;
  retransmitMs?: number;
  retransmitMaxMs?: number;
  maxReassembly?: number;
  recvQueueMessages?: number;
  recvQueueBytes?: number;
  maxHintLength?: number;
}

/** A copy of a credential of the pool. */
export interface NativeCredential {
  id?: Uint8Array | null;
  key?: Uint8Array | null;
  hint?: Uint8Array | null;
  privateKey?: Uint8Array | null;
  x?: Uint8Array | null;
  y?: Uint8Array | null;
  clientKeys?: Uint8Array[] | null;
}

/** The addon. */
export interface Native {
  NativeUdp: new () => NativeUdp;
  NativeDtls: new (options: NativeOptions) => NativeDtls;
  errnoTable(): Record<string, number>;
  /** Whether this process has an event loop that can read a socket of the addon's. */
  hasEventLoop(): boolean;
  /** The names that the option `engine` can have. */
  engines(): string[];
  credmanAddPsk(tag: number, id: Uint8Array | null, key: Uint8Array | null, hint: Uint8Array | null): number;
  credmanAddEcdsa(
    tag: number,
    privateKey: Uint8Array | null,
    x: Uint8Array | null,
    y: Uint8Array | null,
    clientKeys: Uint8Array[],
  ): number;
  credmanGet(tag: number, type: number): NativeCredential | null;
  credmanDelete(tag: number, type: number): void;
  credmanDeleteAll(): void;
  credmanCount(): number;
  credmanSetMax(limit: number): number;
  /** 64 bytes x, y; or CREDMAN_INVALID. */
  credmanLoadPublicKey(der: Uint8Array): Uint8Array | number;
  /** 96 bytes d, x, y; or CREDMAN_INVALID. */
  credmanLoadPrivateKey(der: Uint8Array, ecc: boolean): Uint8Array | number;
}

/** The addon of this process. Loading it is the first thing that importing this package does. */
export const native: Native = loadAddon() as Native;
