/**
 * A DTLS client in pure TypeScript. It has pre-shared keys only, no server, and never sends a lost flight again.
 */

import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { dtls } from 'node-dtls-client';
import type { SockDtlsOptions } from '../../index.js';
import { addPsk } from '../peers/keys.js';
import { OurClient, OurServer } from '../peers/ours.js';
import { WAIT_MS } from '../peers/waiting.js';

const IDENTITY = 'node-17';
const KEY = 'correct horse';
/** It offers neither the extended master secret nor secure renegotiation. */
const RELAXED: SockDtlsOptions = { forceExtendedMasterSecret: false, forceRenegotiationInfo: false };

type SuiteName = NonNullable<dtls.Options['ciphers']>[number];

const suites: SuiteName[] = [
  'TLS_PSK_WITH_AES_128_CCM_8',
  'TLS_PSK_WITH_AES_256_CCM_8',
  'TLS_PSK_WITH_AES_128_GCM_SHA256',
  'TLS_PSK_WITH_AES_256_GCM_SHA384',
];

/** Their client, with what it has received and what has gone wrong. */
class TheirClient {
  readonly socket: dtls.Socket;
  readonly messages: Buffer[] = [];
  readonly errors: Error[] = [];
  closed = false;

  constructor(t: ExecutionContext, port: number, options: Partial<dtls.Options> = {}) {
    this.socket = dtls.createSocket({
      type: 'udp4',
      address: '127.0.0.1',
      port,
      psk: { [IDENTITY]: KEY },
      timeout: 2000,
      ...options,
    });
    this.socket.on('message', (message: Buffer) => this.messages.push(message));
    this.socket.on('error', (error: Error) => this.errors.push(error));
    this.socket.on('close', () => {
      this.closed = true;
    });
    t.teardown(() => {
      // One that has failed has closed its socket, with or without saying so.
      if (!this.closed && this.errors.length === 0) this.socket.close();
    });
  }

  async connected(): Promise<void> {
    await once(this.socket, 'connected', { signal: AbortSignal.timeout(WAIT_MS) });
  }

  /** Waits until it has failed: why. */
  async failed(): Promise<string> {
    if (this.errors.length === 0) {
      // 'error' is also what `once` rejects with.
      await once(this.socket, 'close', { signal: AbortSignal.timeout(WAIT_MS) }).catch(() => {});
    }
    return this.errors[0]?.message ?? '';
  }

  /** Sends a message, and waits for the next one to come. */
  async roundTrip(message: Buffer): Promise<Buffer | undefined> {
    const answer = once(this.socket, 'message', { signal: AbortSignal.timeout(WAIT_MS) });
    this.socket.send(message);
    await answer;
    return this.messages.at(-1);
  }
}

function server(t: ExecutionContext, options: SockDtlsOptions): OurServer {
  return new OurServer(t, [addPsk(t, IDENTITY, KEY)], options);
}

for (const suite of suites) {
  test(`node-dtls-client gets its echoes over ${suite.replace(/^TLS_/, '')}`, async (t) => {
    const ours = server(t, RELAXED);
    const theirs = new TheirClient(t, ours.port, { ciphers: [suite] });
    await theirs.connected();
    const info = await ours.handshake();
    t.is(info.suite, suite);
    t.is(info.keyExchange, 'PSK');
    t.false(info.extendedMasterSecret);
    t.is(Buffer.from(info.pskIdentity ?? []).toString(), IDENTITY);
    for (const length of [1, 15, 16, 17, 64, 500, 1000]) {
      const message = Buffer.alloc(length, length % 251);
      t.deepEqual(await theirs.roundTrip(message), message);
    }
    t.deepEqual(theirs.errors, []);
    t.is(ours.sock.stats().recordsForged, 0);
  });
}

test('node-dtls-client with all its suites agrees on the fastest of ours', async (t) => {
  const ours = server(t, RELAXED);
  const theirs = new TheirClient(t, ours.port);
  await theirs.connected();
  t.is((await ours.handshake()).suite, 'TLS_PSK_WITH_AES_128_GCM_SHA256');
  t.deepEqual(await theirs.roundTrip(Buffer.from('hello')), Buffer.from('hello'));
});

test('each relaxed option is needed for node-dtls-client', async (t) => {
  for (const option of ['forceExtendedMasterSecret', 'forceRenegotiationInfo']) {
    const ours = server(t, { [option]: false });
    t.regex(await new TheirClient(t, ours.port).failed(), /handshake_failure/);
  }
});

test('by default node-dtls-client is refused with an alert, and the server serves on', async (t) => {
  const ours = server(t, {});
  const theirs = new TheirClient(t, ours.port);
  const error = await theirs.failed();
  t.regex(error, /handshake_failure/);
  await ours.empty();
  t.is(ours.sock.stats().handshakesFailed, 1);
  t.is(ours.sock.stats().handshakesCompleted, 0);

  const good = new OurClient(t, [addPsk(t, IDENTITY, KEY)]);
  t.true((await good.established(ours.port)).extendedMasterSecret);
  await good.send('still here');
  t.is(await good.receiveText(), 'still here');
});

test('node-dtls-client with a wrong key or identity gets no session', async (t) => {
  const ours = server(t, RELAXED);
  for (const psk of [{ [IDENTITY]: 'wrong' }, { nobody: KEY }]) {
    const theirs = new TheirClient(t, ours.port, { psk, timeout: 400 });
    t.not(await theirs.failed(), '');
    t.deepEqual(theirs.messages, []);
  }
  t.is(ours.sock.stats().handshakesCompleted, 0);
  const good = new TheirClient(t, ours.port);
  await good.connected();
  t.deepEqual(await good.roundTrip(Buffer.from('still here')), Buffer.from('still here'));
});

test('several of node-dtls-client are served at the same time', async (t) => {
  const ours = server(t, RELAXED);
  const theirs = Array.from({ length: 8 }, () => new TheirClient(t, ours.port));
  await Promise.all(theirs.map((client) => client.connected()));
  const messages = theirs.map((_, i) => Buffer.from(`client ${i}`));
  t.deepEqual(
    await Promise.all(theirs.map((client, i) => client.roundTrip(messages[i] as Buffer))),
    messages,
  );
  t.is(ours.sock.stats().sessions, 8);
});

test('the goodbye of node-dtls-client ends the session', async (t) => {
  const ours = server(t, RELAXED);
  const theirs = new TheirClient(t, ours.port);
  await theirs.connected();
  await theirs.roundTrip(Buffer.from('hello'));
  theirs.socket.close();
  await t.notThrowsAsync(ours.empty());
});
