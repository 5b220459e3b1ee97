/**
 * The DTLS echo client of RIOT's documentation in its other form: one `send` that does the handshake itself.
 *
 * Run it with `node dist/examples/echo-client-blocking.js [address [port]]`, after `npm run build`.
 */

import {
  DTLS_DEFAULT_PORT,
  SOCK_DTLS_1_2,
  SOCK_DTLS_CLIENT,
  SOCK_DTLS_HANDSHAKE,
  SOCK_IPV6_EP_ANY,
  SOCK_NO_TIMEOUT,
  SockDtls,
  SockDtlsSession,
  SockUdp,
} from 'sock-dtls';
import { addCredentials } from './credentials.js';

const SOCK_DTLS_CLIENT_TAG = 20;

const SERVER_ADDR = process.argv[2] ?? '::1'; // replace with the server address

async function main(): Promise<number> {
  // Add credentials
  addCredentials(SOCK_DTLS_CLIENT_TAG, 'client');

  // initialize client
  const rcv = new Uint8Array(128);
  const udpSock = new SockUdp();
  const local = { ...SOCK_IPV6_EP_ANY };
  local.port = 12345;

  const remote = { ...SOCK_IPV6_EP_ANY };
  remote.port = Number(process.argv[3] ?? DTLS_DEFAULT_PORT);
  remote.addr = SERVER_ADDR; // a link-local address needs remote.netif, too

  if (udpSock.create(local, null, 0) < 0) {
    console.error('Error creating UDP sock');
    return -1;
  }

  const dtlsSock = new SockDtls();
  if (dtlsSock.create(udpSock, SOCK_DTLS_CLIENT_TAG, SOCK_DTLS_1_2, SOCK_DTLS_CLIENT) < 0) {
    console.error('Error creating DTLS sock');
    udpSock.close();
    return -1;
  }

  // an empty session object, and the peer to connect to
  const session = new SockDtlsSession();
  session.setUdpEp(remote);

  // waits until the handshake completes, then sends
  const data = Buffer.from('HELLO');
  let res = await dtlsSock.send(session, data, SOCK_NO_TIMEOUT);
  if (res >= 0) {
    console.log(`Sent ${res} bytes: ${data}`);
    do {
      // the completed handshake comes first, then the echo
      res = await dtlsSock.recv(session, rcv, SOCK_NO_TIMEOUT);
    } while (res === -SOCK_DTLS_HANDSHAKE);
    if (res > 0) {
      console.log(`Received ${res} bytes: ${Buffer.from(rcv.subarray(0, res))}`);
    }
  } else {
    console.error('Error sending data');
  }

  dtlsSock.sessionDestroy(session);
  dtlsSock.close();
  udpSock.close();
  return res > 0 ? 0 : -1;
}

process.exitCode = (await main()) < 0 ? 1 : 0;
