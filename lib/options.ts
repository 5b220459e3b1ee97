/**
 * The options of a DTLS sock.
 *
 * @module
 */

import { checkNumber, checkObject, isUpTo, typeError } from './check.js';
import { type NativeOptions, native } from './native.js';
import { groupNumber, suiteNumber } from './suites.js';

/** Options of a {@link SockDtls}. Every one has a default. */
export interface SockDtlsOptions {
  /**
   * Accept a peer that authenticates with a raw public key only if its key is among the `clientKeys` of the sock's ECDSA
   * credentials; the pseudomodule `sock_dtls_verify_public_key`. Default false, as in RIOT: every key is accepted.
   */
  verifyPublicKey?: boolean | undefined;
  /** Refuse peers without the extended master secret (RFC 7627). Default true. */
  forceExtendedMasterSecret?: boolean | undefined;
  /** Refuse peers without secure renegotiation (RFC 5746). Default true. */
  forceRenegotiationInfo?: boolean | undefined;
  /**
   * What runs handshakes and records: `'native'`, the default, or `'webrtc-dtls'`, the Rust crate `dtls`, to compare with and
   * to test against. The second one speaks only PSK with AES-128, and `create` gives -1 unless `forceRenegotiationInfo` is
   * false, as it cannot insist on that; `docs/engines.md` tells all that differs.
   */
  engine?: 'native' | 'webrtc-dtls' | undefined;
  /**
   * What reads from the UDP sock. `'loop'`, the default: the event loop, as with node:dgram; the fastest, and handshakes of peers
   * wait while JavaScript is busy. `'thread'`: a thread of the addon's, so that handshakes go on meanwhile. The loop can
   * read on Linux, in Node.js and in Electron, for the native engine; otherwise it is always a thread.
   */
  reader?: 'loop' | 'thread' | undefined;
  /**
   * Cipher suites to offer and accept, as names (`'TLS_PSK_WITH_AES_128_CCM_8'`) or numbers, the most preferred first.
   * Default: all that are known, {@link CIPHER_SUITES}. Those that the sock has no credential for are left out by itself.
   */
  suites?: readonly (string | number)[] | undefined;
  /** Groups for the key agreement, as names (`'secp256r1'`, `'x25519'`) or numbers, the most preferred first. */
  groups?: readonly (string | number)[] | undefined;
  /**
   * The longest IP packet to send, in bytes, 256 to 65535; 48 of them are counted for the headers of IPv6 and UDP.
   * Handshakes are fragmented for it, and messages that would exceed it give -EMSGSIZE. Default: handshakes are fragmented
   * for 1,280 bytes, messages are only limited by the protocol and the system.
   */
  mtu?: number | undefined;
  /** The most sessions at a time, established and half-open. Default 65,536. */
  maxSessions?: number | undefined;
  /** The most handshakes at a time that peers have started. Default 4,096. */
  maxHandshakes?: number | undefined;
  /** The most of them from one address. Default 64. */
  maxHandshakesPerAddress?: number | undefined;
  /** How long a handshake may take, in milliseconds. Default 60,000. */
  handshakeLifetimeMs?: number | undefined;
  /** How long to wait before a flight is sent again the first time, in milliseconds; it doubles each time. Default 1,000. */
  retransmitMs?: number | undefined;
  /** The longest such wait, in milliseconds. Default 60,000. */
  retransmitMaxMs?: number | undefined;
  /** The most bytes of one handshake's fragments that wait for the rest. Default 65,536. */
  maxReassembly?: number | undefined;
  /** The most messages that wait for `recv`. Default 4,096. Further ones are dropped and counted. */
  recvQueueMessages?: number | undefined;
  /** The most bytes that wait for `recv`. Default 8,388,608 (8 MiB). */
  recvQueueBytes?: number | undefined;
  /** The longest PSK identity hint to set, in bytes. Default 32, as in RIOT. */
  maxHintLength?: number | undefined;
}

type NumberOption = Extract<
  {
    [K in keyof NativeOptions]-?: NativeOptions[K] extends number | undefined ? K : never;
  }[keyof NativeOptions],
  string
>;

type BooleanOption = 'verifyPublicKey' | 'forceExtendedMasterSecret' | 'forceRenegotiationInfo';

const booleans: readonly BooleanOption[] = [
  'verifyPublicKey',
  'forceExtendedMasterSecret',
  'forceRenegotiationInfo',
];

/** Smallest and largest value of each number. */
const numbers: Readonly<Record<NumberOption, readonly [number, number]>> = {
  mtu: [256, 65_535],
  maxSessions: [1, 0xffffffff],
  maxHandshakes: [1, 0xffffffff],
  maxHandshakesPerAddress: [1, 0xffffffff],
  handshakeLifetimeMs: [1, 0x7fffffff],
  retransmitMs: [1, 0x7fffffff],
  retransmitMaxMs: [1, 0x7fffffff],
  maxReassembly: [1024, 0xffffffff],
  recvQueueMessages: [1, 0xffffffff],
  recvQueueBytes: [1, 0xffffffff],
  maxHintLength: [0, 0xffff],
};

const known: ReadonlySet<string> = new Set([
  ...booleans,
  ...Object.keys(numbers),
  'engine',
  'reader',
  'suites',
  'groups',
]);

/** Options, checked. */
export interface DtlsOptions {
  /** For the addon. */
  native: NativeOptions;
  /** Whether the event loop reads. */
  readsInLoop: boolean;
}

function numberOption(name: string, value: unknown, [min, max]: readonly [number, number]): number {
  checkNumber(`options.${name}`, value);
  if (!isUpTo(value, max) || value < min) {
    throw new RangeError(`options.${name} must be an integer from ${min} to ${max}, not ${value}`);
  }
  return value;
}

function listOption(
  name: string,
  value: unknown,
  toNumber: (member: string | number) => number | undefined,
): number[] {
  if (!Array.isArray(value)) throw typeError(`options.${name}`, 'an array of names or numbers', value);
  const result = value.map((member: unknown) => {
    if (typeof member !== 'string' && typeof member !== 'number') {
      throw typeError(`a member of options.${name}`, 'a name or a number', member);
    }
    const number = toNumber(member);
    if (number === undefined) throw new RangeError(`options.${name}: ${member} is not known`);
    return number;
  });
  if (result.length === 0) throw new RangeError(`options.${name} must not be empty`);
  return result;
}

/** Whether the event loop can read. Bun and Deno have functions of its interface that end the process. */
const loopCanRead = !('bun' in process.versions) && !('deno' in process.versions) && native.hasEventLoop();
const engines = native.engines();

/** The value of an option that is one of a few names, the first by default. */
function nameOption(
  name: string,
  value: unknown,
  what: string,
  names: readonly string[],
): string | undefined {
  if (value === undefined) return names[0];
  if (typeof value !== 'string') throw typeError(`options.${name}`, 'a string', value);
  if (names.includes(value)) return value;
  throw new RangeError(`options.${name}: there is no ${what} '${value}', only ${names.join(', ')}`);
}

/**
 * Checks options.
 *
 * @param options - what the user gave
 * @returns what the sock and the addon take
 * @throws TypeError for an unknown option or one of the wrong type
 * @throws RangeError for a value that is out of range or not known
 */
export function checkOptions(options: SockDtlsOptions): DtlsOptions {
  checkObject('options', options);
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw new TypeError(`options.${name} is not an option`);
  }
  const result: NativeOptions = {};
  for (const name of booleans) {
    const value: unknown = options[name];
    if (value === undefined) continue;
    if (typeof value !== 'boolean') throw typeError(`options.${name}`, 'a boolean', value);
    result[name] = value;
  }
  const engine = nameOption('engine', options.engine, 'engine', engines);
  if (engine !== undefined) result.engine = engine;
  const reader = nameOption('reader', options.reader, 'reader', ['loop', 'thread']);
  if (options.suites !== undefined) result.suites = listOption('suites', options.suites, suiteNumber);
  if (options.groups !== undefined) result.groups = listOption('groups', options.groups, groupNumber);
  for (const name of Object.keys(numbers) as NumberOption[]) {
    const value: unknown = options[name];
    if (value !== undefined) result[name] = numberOption(name, value, numbers[name]);
  }
  return { native: result, readsInLoop: reader === 'loop' && engine === 'native' && loopCanRead };
}
