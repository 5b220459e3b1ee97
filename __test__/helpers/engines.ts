/**
 * Tests that hold for both engines, and whoever reads.
 */

import test, { type ExecutionContext } from 'ava';
import type { SockDtlsOptions } from '../../index.js';

const enginesOptions = new WeakMap<object, SockDtlsOptions>();

/** What the socks of a test are made with: the options of its engine, then its own. */
export function withEngine(t: object, options: SockDtlsOptions = {}): SockDtlsOptions {
  return { ...enginesOptions.get(t), ...options };
}

/**
 * Declares a test three times: for the native engine read by the event loop and by a thread, and for the engine 'webrtc-dtls', which
 * cannot insist on renegotiation_info.
 */
export function onEachEngine(title: string, body: (t: ExecutionContext) => Promise<void> | void): void {
  test(title, body);
  test(`${title}; read by a thread`, (t) => {
    enginesOptions.set(t, { reader: 'thread' });
    return body(t);
  });
  test(`${title}; with webrtc-dtls`, (t) => {
    enginesOptions.set(t, { engine: 'webrtc-dtls', forceRenegotiationInfo: false });
    return body(t);
  });
}
