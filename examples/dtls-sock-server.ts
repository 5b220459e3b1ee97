/**
 * The server of RIOT's `dtls-sock` example, with both kinds of credential: a PSK with a hint, and two key pairs that a
 * callback chooses from.
 *
 * Run it with `node dist/examples/dtls-sock-server.js [port]`, after `npm run build`; Ctrl+C stops it.
 */

import {
  CREDMAN_OK,
  CREDMAN_TYPE_ECDSA,
  CREDMAN_TYPE_PSK,
  type CredmanCredential,
  credman,
  DTLS_DEFAULT_PORT,
  type EcdsaPublicKey,
  type RpkCallback,
  SOCK_DTLS_1_2,
  SOCK_DTLS_HANDSHAKE,
  SOCK_DTLS_SERVER,
  SOCK_IPV6_EP_ANY,
  SockDtls,
  SockDtlsSession,
  SockUdp,
  strerror,
} from 'sock-dtls';
import {
  clientPublicKey0,
  SERVER_PSK_IDENTITY,
  SERVER_PSK_IDENTITY_HINT,
  SERVER_PSK_IDENTITY_KEY,
  serverPrivateKey0,
  serverPrivateKey1,
  serverPublicKey0,
  serverPublicKey1,
} from './dtls-sock-credentials.js';

// Credman tags to select which credentials to use
const SOCK_DTLS_SERVER_TAG_0 = 10;
const SOCK_DTLS_SERVER_TAG_1 = 11;

const US_PER_SEC = 1_000_000;

let eccCredential = 0;

// Each credential is a keyring: a key pair, and the public keys of the clients that are known
const knownClientPubKeys: EcdsaPublicKey[] = [clientPublicKey0];

const eccCredential0: CredmanCredential = {
  type: CREDMAN_TYPE_ECDSA,
  tag: SOCK_DTLS_SERVER_TAG_0,
  params: {
    ecdsa: {
      privateKey: serverPrivateKey0,
      publicKey: serverPublicKey0,
      clientKeys: knownClientPubKeys,
    },
  },
};

const eccCredential1: CredmanCredential = {
  type: CREDMAN_TYPE_ECDSA,
  tag: SOCK_DTLS_SERVER_TAG_1,
  params: {
    ecdsa: {
      privateKey: serverPrivateKey1,
      publicKey: serverPublicKey1,
      clientKeys: knownClientPubKeys,
    },
  },
};

const rpkCb: RpkCallback = (_sock, ep) => {
  console.log(`From [${ep.addr}]:${ep.port}`);

  const credential = eccCredential;
  eccCredential = credential === 0 ? 1 : 0; // the other one next time
  console.log(`Using ECC credential ${credential}`);

  if (credential === 0) {
    return SOCK_DTLS_SERVER_TAG_0;
  }
  return SOCK_DTLS_SERVER_TAG_1;
};

// We have a single PSK
const pskCredential0: CredmanCredential = {
  type: CREDMAN_TYPE_PSK,
  tag: SOCK_DTLS_SERVER_TAG_0,
  params: {
    psk: {
      key: SERVER_PSK_IDENTITY_KEY,
      id: SERVER_PSK_IDENTITY,
    },
  },
};

function configureServerCredentials(): number {
  // register the credentials on credman
  if (credman.add(eccCredential0) !== CREDMAN_OK) {
    console.error('Error cannot add ECC credential 0 to system');
    return -1;
  }

  if (credman.add(eccCredential1) !== CREDMAN_OK) {
    console.error('Error cannot add ECC credential 1 to system');
    return -1;
  }

  if (credman.add(pskCredential0) !== CREDMAN_OK) {
    console.error('Error cannot add PSK credential 0 to system');
    return -1;
  }
  return 0;
}

async function main(): Promise<number> {
  let active = true;
  const rcv = new Uint8Array(512);

  if (configureServerCredentials() < 0) {
    return -1;
  }

  const sock = new SockDtls({ verifyPublicKey: true });
  const udpSock = new SockUdp();
  const local = { ...SOCK_IPV6_EP_ANY };
  local.port = Number(process.argv[2] ?? DTLS_DEFAULT_PORT);
  if (udpSock.create(local, null, 0) < 0) {
    console.error('Error creating UDP sock');
    return -1;
  }

  let res = sock.create(udpSock, SOCK_DTLS_SERVER_TAG_0, SOCK_DTLS_1_2, SOCK_DTLS_SERVER);
  if (res < 0) {
    console.error('Error creating DTLS sock');
    udpSock.close();
    return -1;
  }

  // make the second ECC credential available to the sock
  if (sock.addCredential(SOCK_DTLS_SERVER_TAG_1) < 0) {
    console.error('Error cannot add second ECC credential to the sock');
    return -1;
  }

  // register a callback for RPK credential selection
  sock.setRpkCb(rpkCb);

  // set PSK Identity hint, this is optional and application-specific
  if (sock.setServerPskIdHint(SERVER_PSK_IDENTITY_HINT) < 0) {
    console.error('Error setting PSK Identity hint');
    return -1;
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      active = false;
      sock.close(); // ends the recv below
    });
  }

  const session = new SockDtlsSession();
  while (active) {
    res = await sock.recv(session, rcv, 10 * US_PER_SEC);
    if (res >= 0) {
      console.log(`Received ${res} bytes -- (echo)`);
      res = await sock.send(session, rcv.subarray(0, res), 0);
      if (res < 0) {
        console.error(`Error resending DTLS message: ${strerror(res)}`);
      }
      sock.sessionDestroy(session);
    } else if (res === -SOCK_DTLS_HANDSHAKE) {
      console.log('New client connected');
    }
  }
  sock.close();
  udpSock.close();
  console.log('Terminating');
  return 0;
}

process.exitCode = (await main()) < 0 ? 1 : 0;
