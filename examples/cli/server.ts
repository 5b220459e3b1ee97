/**
 * `npm start -- server`: the echo server of RIOT's documentation, with a word about everybody who comes and goes.
 */

import {
  errno,
  SOCK_ASYNC_CONN_FIN,
  SOCK_DTLS_HANDSHAKE,
  SOCK_DTLS_SERVER,
  SOCK_IPV6_EP_ANY,
  SOCK_NO_TIMEOUT,
  SockDtlsSession,
  strerror,
} from 'sock-dtls';
import { hostPort, type Options, UsageError } from './options.js';
import { bytes, closePeer, describeSession, openPeer, peerName, quote } from './peer.js';

/** The longest message of a DTLS record. */
const LONGEST_MESSAGE = 16_384;

/** Echoes until SIGINT or SIGTERM; the exit code. */
export async function runServer(options: Options): Promise<number> {
  const local = { ...SOCK_IPV6_EP_ANY, port: options.port };
  const peer = openPeer(options, local, SOCK_DTLS_SERVER);
  const { sock, udp } = peer;
  if (options.hint !== null && sock.setServerPskIdHint(options.hint) < 0) {
    closePeer(peer);
    throw new UsageError('--hint is too long: at most 32 bytes.');
  }
  udp.getLocal(local);
  for (const line of peer.credentials) console.log(`With ${line}`);
  console.log(`Listening on ${hostPort(local.addr as string, local.port)}`);

  const gone = new SockDtlsSession();
  sock.setCb((_, flags) => {
    if ((flags & SOCK_ASYNC_CONN_FIN) !== 0 && sock.getEventSession(gone)) {
      console.log(`${peerName(gone)} gone`);
    }
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => sock.close());

  const session = new SockDtlsSession();
  const data = new Uint8Array(LONGEST_MESSAGE);
  while (true) {
    const res = await sock.recv(session, data, SOCK_NO_TIMEOUT);
    if (res === -errno.EINVAL) break;
    if (res === -SOCK_DTLS_HANDSHAKE) {
      console.log(`${peerName(session)} connected: ${describeSession(sock, session)}`);
    } else if (res > 0) {
      const message = data.subarray(0, res);
      const sent = await sock.send(session, message);
      const outcome = sent < 0 ? `echo failed: ${strerror(sent)}` : `echoed ${bytes(sent)}`;
      console.log(`${peerName(session)} sent ${bytes(res)}, ${quote(message)}; ${outcome}`);
    } else {
      console.log(`recv: ${strerror(res)}`);
    }
  }
  closePeer(peer);
  console.log('Stopped.');
  return 0;
}
