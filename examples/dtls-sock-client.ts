/**
 * The client of RIOT's `dtls-sock` example. `psk` and `ecc` stand for the build options CONFIG_DTLS_PSK and CONFIG_DTLS_ECC.
 *
 * Run it with `node dist/examples/dtls-sock-client.js psk|ecc [address [data [port]]]`, after `npm run build`.
 */

import {
  type ClientPskCallback,
  CREDMAN_OK,
  CREDMAN_TAG_EMPTY,
  CREDMAN_TYPE_ECDSA,
  CREDMAN_TYPE_PSK,
  type CredmanCredential,
  credman,
  DTLS_DEFAULT_PORT,
  DTLS_HANDSHAKE_BUFSIZE,
  type EcdsaPublicKey,
  SOCK_DTLS_1_2,
  SOCK_DTLS_CLIENT,
  SOCK_DTLS_HANDSHAKE,
  SOCK_IPV6_EP_ANY,
  SOCK_NO_TIMEOUT,
  SockDtls,
  SockDtlsSession,
  SockUdp,
  strerror,
} from 'sock-dtls';
import {
  CLIENT_PSK_IDENTITY_0,
  CLIENT_PSK_IDENTITY_0_HINT,
  CLIENT_PSK_IDENTITY_0_KEY,
  CLIENT_PSK_IDENTITY_1,
  CLIENT_PSK_IDENTITY_1_HINT,
  CLIENT_PSK_IDENTITY_1_KEY,
  clientPrivateKey0,
  clientPublicKey0,
  serverPublicKey0,
  serverPublicKey1,
} from './dtls-sock-credentials.js';

// Credman tags to select which credentials to use
const SOCK_DTLS_CLIENT_TAG_0 = 2;
const SOCK_DTLS_CLIENT_TAG_1 = 3;

const serverPublicKeys: EcdsaPublicKey[] = [serverPublicKey0, serverPublicKey1];

const eccCredential0: CredmanCredential = {
  type: CREDMAN_TYPE_ECDSA,
  tag: SOCK_DTLS_CLIENT_TAG_0,
  params: {
    ecdsa: {
      privateKey: clientPrivateKey0,
      publicKey: clientPublicKey0,
      clientKeys: serverPublicKeys,
    },
  },
};

const pskCredential0: CredmanCredential = {
  type: CREDMAN_TYPE_PSK,
  tag: SOCK_DTLS_CLIENT_TAG_0,
  params: {
    psk: {
      key: CLIENT_PSK_IDENTITY_0_KEY,
      id: CLIENT_PSK_IDENTITY_0,
      hint: CLIENT_PSK_IDENTITY_0_HINT,
    },
  },
};

const pskCredential1: CredmanCredential = {
  type: CREDMAN_TYPE_PSK,
  tag: SOCK_DTLS_CLIENT_TAG_1,
  params: {
    psk: {
      key: CLIENT_PSK_IDENTITY_1_KEY,
      id: CLIENT_PSK_IDENTITY_1,
      hint: CLIENT_PSK_IDENTITY_1_HINT,
    },
  },
};

const clientPskCb: ClientPskCallback = (_sock, ep, _tags, hint) => {
  console.log(`From [${ep.addr}]:${ep.port}`);

  // if we got a hint, try to use it to determine which PSK to use
  if (hint) {
    console.log(`Client got hint: ${hint}`);

    if (hint === CLIENT_PSK_IDENTITY_0_HINT) {
      return SOCK_DTLS_CLIENT_TAG_0;
    }

    if (hint === CLIENT_PSK_IDENTITY_1_HINT) {
      return SOCK_DTLS_CLIENT_TAG_1;
    }
  }

  return CREDMAN_TAG_EMPTY;
};

function configureClientCredentials(psk: boolean): number {
  // register the credentials on credman
  if (!psk) {
    if (credman.add(eccCredential0) !== CREDMAN_OK) {
      console.error('Error cannot add ECC credential 0 to system');
      return -1;
    }
  } else {
    if (credman.add(pskCredential0) !== CREDMAN_OK) {
      console.error('Error cannot add PSK credential 0 to system');
      return -1;
    }

    if (credman.add(pskCredential1) !== CREDMAN_OK) {
      console.error('Error cannot add PSK credential 1 to system');
      return -1;
    }
  }
  return 0;
}

async function clientSend(addr: string, data: Uint8Array, port: number, psk: boolean): Promise<number> {
  const udpSock = new SockUdp();
  const dtlsSock = new SockDtls({ verifyPublicKey: true });
  const session = new SockDtlsSession();
  const remote = { ...SOCK_IPV6_EP_ANY };
  const local = { ...SOCK_IPV6_EP_ANY };
  local.port = 12345;
  remote.port = port;
  remote.addr = addr; // a link-local address needs remote.netif, too
  const buf = new Uint8Array(DTLS_HANDSHAKE_BUFSIZE);

  if (udpSock.create(local, null, 0) < 0) {
    console.error('Error creating UDP sock');
    return -1;
  }

  if (dtlsSock.create(udpSock, SOCK_DTLS_CLIENT_TAG_0, SOCK_DTLS_1_2, SOCK_DTLS_CLIENT) < 0) {
    console.error('Error creating DTLS sock');
    udpSock.close();
    return -1;
  }

  if (psk) {
    // make the new credential available to the sock
    if (dtlsSock.addCredential(SOCK_DTLS_CLIENT_TAG_1) < 0) {
      console.error('Error cannot add second PSK credential to the sock');
      return -1;
    }

    // register a callback for PSK credential selection
    dtlsSock.setClientPskCb(clientPskCb);
  }

  let res = dtlsSock.sessionInit(remote, session);
  if (res <= 0) {
    console.error(`Error initiating session: ${strerror(res)}`);
    dtlsSock.close();
    udpSock.close();
    return res;
  }

  res = await dtlsSock.recv(session, buf, SOCK_NO_TIMEOUT);
  if (res !== -SOCK_DTLS_HANDSHAKE) {
    console.error(`Error creating session: ${strerror(res)}`);
    dtlsSock.close();
    udpSock.close();
    return -1;
  }

  console.log('Connection to server successful');

  if ((await dtlsSock.send(session, data, 0)) < 0) {
    console.error('Error sending data');
  } else {
    console.log('Sent DTLS message');

    res = await dtlsSock.recv(session, buf, SOCK_NO_TIMEOUT);
    if (res >= 0) {
      console.log(`Received ${res} bytes: "${Buffer.from(buf.subarray(0, res))}"`);
    }
  }

  console.log('Terminating');
  dtlsSock.sessionDestroy(session);
  dtlsSock.close();
  udpSock.close();
  return 0;
}

async function main([
  kind,
  addr = '::1',
  data = 'HELLO',
  port = `${DTLS_DEFAULT_PORT}`,
]: string[]): Promise<number> {
  if (kind !== 'psk' && kind !== 'ecc') {
    console.error('usage: dtls-sock-client psk|ecc [address [data [port]]]');
    return -1;
  }

  if (configureClientCredentials(kind === 'psk') < 0) {
    return -1;
  }
  return await clientSend(addr, Buffer.from(data), Number(port), kind === 'psk');
}

process.exitCode = (await main(process.argv.slice(2))) < 0 ? 1 : 0;
