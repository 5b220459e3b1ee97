/**
 * `npm start -- client`: connects, sends, and prints what comes back.
 */

import { lookup } from 'node:dns/promises';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline';
import {
  AF_INET,
  AF_INET6,
  errno,
  SOCK_DTLS_CLIENT,
  SOCK_DTLS_HANDSHAKE,
  SOCK_IPV4_EP_ANY,
  SOCK_IPV6_EP_ANY,
  SockDtlsSession,
  type SockUdpEp,
  strerror,
} from 'sock-dtls';
import { hostPort, type Options, UsageError } from './options.js';
import { bytes, closePeer, describeSession, openPeer, type Peer, quote } from './peer.js';

const LONGEST_MESSAGE = 16_384;

/** The index of a network interface, by its number or name. */
function interfaceIndex(zone: string): number {
  if (/^\d+$/.test(zone)) return Number(zone);
  for (const address of networkInterfaces()[zone] ?? []) {
    if (address.family === 'IPv6' && address.scopeid) return address.scopeid;
  }
  throw new UsageError(`There is no network interface "${zone}" with a link-local address.`);
}

/** The endpoint of the server: an address, with a zone if it needs one (`fe80::1%eth0`), or a name. */
async function resolveServer(host: string, port: number): Promise<SockUdpEp> {
  const [name = '', zone] = host.replace(/^\[(.*)\]$/, '$1').split('%');
  let addr: string;
  try {
    ({ address: addr } = await lookup(name));
  } catch (error) {
    throw new UsageError(
      `${name} is neither an address nor a known name (${(error as NodeJS.ErrnoException).code}).`,
    );
  }
  const netif = zone === undefined ? 0 : interfaceIndex(zone);
  if (/^fe[89ab]/i.test(addr) && netif === 0) {
    throw new UsageError(`${addr} is link-local: say which network interface, as in ${addr}%eth0.`);
  }
  return { family: isIPv4(addr) ? AF_INET : AF_INET6, addr, port, netif };
}

/** Why there is no session, and what helps. */
function explainHandshake(res: number, server: string, options: Options): string {
  switch (res) {
    case -errno.ECONNREFUSED:
      return (
        `${server} refused the handshake. Has it the same identity and key, or our public key? ` +
        'Is a suite common to both?'
      );
    case -errno.ECONNABORTED:
      return `We refused ${server}: its public key is not among the --peer-key files, or it broke the protocol.`;
    case -errno.ETIMEDOUT:
      return `${server} did not answer within ${options.timeoutMs / 1000} s. Is the server running, and UDP let through?`;
    default:
      return `No session with ${server}: ${strerror(res)}.`;
  }
}

async function connect(peer: Peer, remote: SockUdpEp, options: Options): Promise<SockDtlsSession> {
  const { sock } = peer;
  const server = hostPort(options.host, options.port);
  const session = new SockDtlsSession();
  const started = performance.now();
  let res = sock.sessionInit(remote, session);
  if (res >= 0) res = await sock.recv(session, new Uint8Array(LONGEST_MESSAGE), options.timeoutMs * 1000);
  if (res !== -SOCK_DTLS_HANDSHAKE) throw new UsageError(explainHandshake(res, server, options));
  const ms = (performance.now() - started).toFixed(1);
  console.log(`Connected to ${server} in ${ms} ms: ${describeSession(sock, session)}`);
  return session;
}

/** Sends one message and prints what comes back; whether that is the same. */
async function echo(
  peer: Peer,
  session: SockDtlsSession,
  message: Uint8Array,
  timeoutMs: number,
): Promise<boolean> {
  const { sock } = peer;
  const started = performance.now();
  const sent = await sock.send(session, message);
  if (sent < 0) {
    console.error(`Not sent: ${strerror(sent)}.`);
    return false;
  }
  console.log(`Sent ${bytes(sent)}, ${quote(message)}`);
  const data = new Uint8Array(LONGEST_MESSAGE);
  const res = await sock.recv(session, data, timeoutMs * 1000);
  if (res < 0) {
    const reason = res === -errno.ETIMEDOUT ? `no answer within ${timeoutMs / 1000} s` : strerror(res);
    console.error(`No echo: ${reason}.`);
    return false;
  }
  const answer = data.subarray(0, res);
  const ms = (performance.now() - started).toFixed(1);
  const same = Buffer.compare(answer, message) === 0;
  console.log(`Received ${bytes(res)}, ${quote(answer)}, after ${ms} ms${same ? '' : ': not what was sent'}`);
  return same;
}

/** The messages to send. */
async function* messages(options: Options): AsyncGenerator<Uint8Array> {
  if (options.message !== null) {
    yield Buffer.from(options.message);
    return;
  }
  if (process.stdin.isTTY) console.log('Type a line to send it; Ctrl+D ends.');
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== '') yield Buffer.from(line);
  }
}

/** Sends and prints; the exit code: 0 if every message came back. */
export async function runClient(options: Options): Promise<number> {
  const remote = await resolveServer(options.host, options.port);
  const any = remote.family === AF_INET ? SOCK_IPV4_EP_ANY : SOCK_IPV6_EP_ANY;
  const peer = openPeer(options, { ...any, port: options.localPort }, SOCK_DTLS_CLIENT);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      closePeer(peer);
      process.exit(130);
    });
  }
  try {
    const session = await connect(peer, remote, options);
    let good = true;
    for await (const message of messages(options)) {
      good = (await echo(peer, session, message, options.timeoutMs)) && good;
    }
    peer.sock.sessionDestroy(session);
    return good ? 0 : 1;
  } finally {
    closePeer(peer);
  }
}
