/**
 * What server and client have in common: credentials, socks, and how things are told.
 */

import {
  CREDMAN_OK,
  CREDMAN_TAG_EMPTY,
  CREDMAN_TYPE_PSK,
  type CredmanCredential,
  credman,
  errno,
  SOCK_DTLS_1_2,
  SockDtls,
  type SockDtlsSession,
  SockUdp,
  type SockUdpEp,
  strerror,
} from 'sock-dtls';
import { fingerprint, readPrivateKey, readPublicKey } from './keys.js';
import { hostPort, type Options, type PskOption, UsageError } from './options.js';

/** The pre-shared key of the echo examples: known to everybody. */
const EXAMPLE_PSK: PskOption = { identity: 'secretID', key: Buffer.from('secretPSK') };

/** An open DTLS sock on a UDP sock of its own. */
export interface Peer {
  sock: SockDtls;
  udp: SockUdp;
  /** What the sock authenticates with, in words. */
  credentials: string[];
}

function add(cred: CredmanCredential, name: string): number {
  const res = credman.add(cred);
  if (res !== CREDMAN_OK)
    throw new UsageError(`${name} is not a valid credential (credman.add gives ${res}).`);
  return cred.tag;
}

/** Adds the credentials of the command line, a tag each, and tells the tags. */
function addCredentials(options: Options, words: string[]): number[] {
  const tags: number[] = [];
  const psks = options.psks.length > 0 || options.privateKeyFile !== null ? options.psks : [EXAMPLE_PSK];
  for (const { identity, key } of psks) {
    const hint = options.command === 'client' && options.hint !== null ? { hint: options.hint } : {};
    const params = { psk: { id: identity, key, ...hint } };
    tags.push(add({ tag: tags.length + 1, type: CREDMAN_TYPE_PSK, params }, `The key of "${identity}"`));
    words.push(
      `pre-shared key of "${identity}"${psks[0] === EXAMPLE_PSK ? " (the examples': secret to nobody)" : ''}`,
    );
  }
  if (options.privateKeyFile !== null) {
    const cred = readPrivateKey(options.privateKeyFile);
    cred.tag = tags.length + 1;
    const ecdsa = cred.params.ecdsa;
    if (ecdsa) {
      ecdsa.clientKeys = options.peerKeyFiles.map(readPublicKey);
      words.push(`raw public key ${fingerprint(ecdsa.publicKey)}`);
    }
    tags.push(add(cred, options.privateKeyFile));
  }
  return tags;
}

/** Why a UDP sock cannot be opened, and what helps. */
function explainCreate(res: number, local: SockUdpEp): string {
  if (res === -errno.EADDRINUSE) {
    return (
      `Port ${local.port} is taken by another program. ` +
      'Stop that one, or choose another port with --port (--port 0: any that is free).'
    );
  }
  return `No UDP sock on ${hostPort(String(local.addr), local.port)}: ${strerror(res)}.`;
}

/**
 * Opens a sock with the credentials of the command line.
 *
 * @throws UsageError if that is not possible
 */
export function openPeer(options: Options, local: SockUdpEp, role: number): Peer {
  const credentials: string[] = [];
  const tags = addCredentials(options, credentials);
  const udp = new SockUdp();
  const res = udp.create(local, null, 0);
  if (res < 0) throw new UsageError(explainCreate(res, local));
  const sock = new SockDtls({
    verifyPublicKey: options.peerKeyFiles.length > 0,
    ...(options.suites && { suites: options.suites }),
  });
  if (sock.create(udp, tags[0] ?? CREDMAN_TAG_EMPTY, SOCK_DTLS_1_2, role) < 0) {
    udp.close();
    throw new UsageError('The DTLS sock cannot be created.');
  }
  for (const tag of tags.slice(1)) sock.addCredential(tag);
  return { sock, udp, credentials };
}

export function closePeer({ sock, udp }: Peer): void {
  sock.close();
  udp.close();
}

/** Who a session is with: `[::1]:20220`. */
export function peerName(session: SockDtlsSession): string {
  const ep: SockUdpEp = { family: 0, addr: '', port: 0, netif: 0 };
  session.getUdpEp(ep);
  return hostPort(String(ep.addr), ep.port);
}

/** How the peers have proved who they are: suite and identity, or the peer's key. */
export function describeSession(sock: SockDtls, session: SockDtlsSession): string {
  const info = sock.sessionInfo(session);
  if (info === null) return 'session closed';
  const who = info.peerPublicKey
    ? `raw public key ${fingerprint(info.peerPublicKey)}`
    : info.pskIdentity
      ? `identity ${quote(info.pskIdentity)}`
      : 'anonymous';
  return `${info.suite}, ${who}`;
}

/** A message as text when it is text, else in hexadecimal. */
export function quote(message: Uint8Array): string {
  const text = Buffer.from(message).toString('utf8');
  const printable = !/\p{Cc}|\ufffd/u.test(text.replace(/[\n\t]/g, ''));
  return printable ? JSON.stringify(text) : `0x${Buffer.from(message).toString('hex')}`;
}

/** A number of bytes in words. */
export function bytes(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`;
}
