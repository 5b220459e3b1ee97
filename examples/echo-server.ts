/**
 * The DTLS echo server of RIOT's documentation.
 *
 * Run it with `node dist/examples/echo-server.js [port]`, after `npm run build`.
 */

import {
  SOCK_DTLS_1_2,
  SOCK_DTLS_SERVER,
  SOCK_IPV6_EP_ANY,
  SOCK_NO_TIMEOUT,
  SockDtls,
  SockDtlsSession,
  SockUdp,
} from 'sock-dtls';
import { addCredentials } from './credentials.js';

const SOCK_DTLS_SERVER_TAG = 10;

async function main(): Promise<number> {
  // Add credentials
  addCredentials(SOCK_DTLS_SERVER_TAG, 'server');

  // initialize server
  const udpSock = new SockUdp();
  const local = { ...SOCK_IPV6_EP_ANY };
  local.port = Number(process.argv[2] ?? 20220);
  if (udpSock.create(local, null, 0) < 0) {
    console.error('Error creating UDP sock');
    return -1;
  }

  const dtlsSock = new SockDtls();
  if (dtlsSock.create(udpSock, SOCK_DTLS_SERVER_TAG, SOCK_DTLS_1_2, SOCK_DTLS_SERVER) < 0) {
    console.error('Error creating DTLS sock');
    return -1;
  }

  const buf = new Uint8Array(128);
  const session = new SockDtlsSession();

  while (true) {
    const res = await dtlsSock.recv(session, buf, SOCK_NO_TIMEOUT);
    if (res > 0) {
      console.log(`Received ${res} bytes -- echo!`);
      if ((await dtlsSock.send(session, buf.subarray(0, res))) < 0) {
        console.error('Error sending reply');
      }
    }
  }
}

process.exitCode = (await main()) < 0 ? 1 : 0;
