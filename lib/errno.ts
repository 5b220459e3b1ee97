/**
 * Error numbers: every call returns zero or more for success, and the negated number for a failure.
 *
 * @module
 */

import { constants } from 'node:os';
import { native } from './native.js';

/** The names of the errors that this package returns. */
export type ErrnoName =
  | 'EADDRINUSE'
  | 'EADDRNOTAVAIL'
  | 'EAFNOSUPPORT'
  | 'EAGAIN'
  | 'ECONNABORTED'
  | 'ECONNREFUSED'
  | 'ECONNRESET'
  | 'EHOSTUNREACH'
  | 'EINVAL'
  | 'EMSGSIZE'
  | 'ENOBUFS'
  | 'ENOMEM'
  | 'ENOTCONN'
  | 'EPROTO'
  | 'ETIMEDOUT'
  | 'EXDEV';

const names: readonly ErrnoName[] = [
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EAGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'EINVAL',
  'EMSGSIZE',
  'ENOBUFS',
  'ENOMEM',
  'ENOTCONN',
  'EPROTO',
  'ETIMEDOUT',
  'EXDEV',
];

function table(): Readonly<Record<ErrnoName, number>> {
  const addon = native.errnoTable();
  const host: Partial<Record<string, number>> = constants.errno;
  const result = {} as Record<ErrnoName, number>;
  for (const name of names) {
    // The addon's value is what calls return; Node's is the same wherever it has one.
    result[name] = addon[name] ?? host[name] ?? 0;
  }
  return Object.freeze(result);
}

/**
 * The positive error numbers of the host platform, by name: `res === -errno.ETIMEDOUT`. The values are those of
 * `os.constants.errno`.
 */
export const errno: Readonly<Record<ErrnoName, number>> = table();

const byNumber = new Map<number, string>();
for (const [name, value] of Object.entries(constants.errno)) {
  if (!byNumber.has(value)) byNumber.set(value, name);
}
for (const name of names) byNumber.set(errno[name], name);
byNumber.set(errno.EXDEV, 'SOCK_DTLS_HANDSHAKE');

/**
 * The name of a result.
 *
 * @param res - a negative result of a call, or the positive number of an error
 * @returns `'ETIMEDOUT'` and the like; `'SOCK_DTLS_HANDSHAKE'` for the result that tells a completed handshake; `'OK'`
 *   for 0; `'Unknown error 4711'` for a number that the host has no name for
 * @throws TypeError if `res` is not a number
 */
export function strerror(res: number): string {
  if (typeof res !== 'number') {
    throw new TypeError(`res must be a number, not ${typeof res}`);
  }
  if (res === 0) return 'OK';
  const code = Math.abs(res);
  return byNumber.get(code) ?? `Unknown error ${code}`;
}
