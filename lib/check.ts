/**
 * Checks of argument types. A wrong type throws a TypeError before anything has happened.
 *
 * @module
 */

import { types } from 'node:util';

/** What a value is, for an error message. */
function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'object') return value.constructor?.name ?? 'object';
  return typeof value;
}

/** The error for an argument of the wrong type. */
export function typeError(name: string, expected: string, value: unknown): TypeError {
  const error = new TypeError(`${name} must be ${expected}, not ${describe(value)}`);
  Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
  return error;
}

/** Whether a value is a Uint8Array (a Buffer is one), of any realm. Unlike `instanceof` it is not fooled by proxies. */
export function isBytes(value: unknown): value is Uint8Array {
  return types.isUint8Array(value);
}

export function checkBytes(name: string, value: unknown): asserts value is Uint8Array {
  if (!isBytes(value)) throw typeError(name, 'a Uint8Array', value);
}

export function checkBytesOrNull(name: string, value: unknown): asserts value is Uint8Array | null {
  if (value !== null && !isBytes(value)) throw typeError(name, 'a Uint8Array or null', value);
}

export function checkNumber(name: string, value: unknown): asserts value is number {
  if (typeof value !== 'number') throw typeError(name, 'a number', value);
}

export function checkObject(name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null) throw typeError(name, 'an object', value);
}

/** An object that will be filled. */
export function checkOut(name: string, value: unknown): void {
  checkObject(name, value);
  if (Object.isFrozen(value)) throw typeError(name, 'an object that can be filled', value);
}

export function checkFunctionOrNull(name: string, value: unknown): void {
  if (value !== null && typeof value !== 'function') throw typeError(name, 'a function or null', value);
}

/** The chunks of a `sendv`, null as none. */
export function checkSnips(value: unknown): asserts value is readonly Uint8Array[] | null {
  if (value === null) return;
  if (!Array.isArray(value)) throw typeError('snips', 'an array of Uint8Arrays or null', value);
  for (const snip of value) checkBytes('a member of snips', snip);
}

/** Whether a number is an integer from 0 to `max`. */
export function isUpTo(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}
