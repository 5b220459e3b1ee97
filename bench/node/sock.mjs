// sock-dtls as a subject, with either engine, and its bare UDP sock.

import * as s from '../../dist/esm/index.js';
import { IDENTITY, KEY, LOOPBACK, QUIET, rawKeys } from './common.mjs';

const ANY = { ...s.SOCK_IPV4_EP_ANY, addr: LOOPBACK };
const PSK_TAG = 1;
const KEY_TAG = 2;
/** Longer than any message of the benchmark. */
const LONGEST = 2048;

s.credman.add({ tag: PSK_TAG, type: s.CREDMAN_TYPE_PSK, params: { psk: { id: IDENTITY, key: KEY } } });
s.credman.add({ tag: KEY_TAG, type: s.CREDMAN_TYPE_ECDSA, params: { ecdsa: rawKeys() } });

function must(res, what) {
  if (res < 0) throw new Error(`${what}: ${s.strerror(res)}`);
  return res;
}

function openUdp() {
  const udp = new s.SockUdp();
  must(udp.create({ ...ANY }, null, 0), 'a UDP sock');
  return udp;
}

function portOf(udp) {
  const ep = { ...ANY };
  udp.getLocal(ep);
  return ep.port;
}

function openDtls(engine, auth, role, more = {}) {
  const udp = openUdp();
  const sock = new s.SockDtls({
    engine,
    forceRenegotiationInfo: engine === 'native',
    suites: [auth === 'psk' ? 'TLS_PSK_WITH_AES_128_GCM_SHA256' : 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'],
    ...more,
  });
  must(sock.create(udp, auth === 'psk' ? PSK_TAG : KEY_TAG, s.SOCK_DTLS_1_2, role), 'a DTLS sock');
  return { udp, sock };
}

async function connectDtls(engine, port, auth) {
  const { udp, sock } = openDtls(engine, auth, s.SOCK_DTLS_CLIENT);
  const session = new s.SockDtlsSession();
  const from = new s.SockDtlsSession();
  const data = new Uint8Array(LONGEST);
  must(sock.sessionInit({ ...ANY, port }, session), 'a session');
  const res = await sock.recv(from, data, 2_000_000);
  if (res !== -s.SOCK_DTLS_HANDSHAKE) throw new Error(`the handshake: ${s.strerror(res)}`);
  return {
    send: (message) => sock.trySend(session, message) > 0,
    receive: () => sock.recv(from, data),
    close: () => {
      sock.close();
      udp.close();
    },
  };
}

async function serveDtls(engine, auth) {
  const limits = { maxSessions: 200_000, maxHandshakes: 65_536, maxHandshakesPerAddress: 65_536 };
  const { udp, sock } = openDtls(engine, auth, s.SOCK_DTLS_SERVER, limits);
  const state = { port: portOf(udp), received: 0, stats: () => sock.stats() };
  serveLoop(sock, state);
  return state;
}

async function serveLoop(sock, state) {
  const from = new s.SockDtlsSession();
  const data = new Uint8Array(LONGEST);
  for (;;) {
    const res = await sock.recv(from, data);
    if (res === -s.errno.EINVAL) return;
    if (res <= 0) continue;
    state.received++;
    if (data[0] !== QUIET) sock.trySend(from, data.subarray(0, res));
  }
}

const dtls = (engine, auths) => ({
  auths,
  connect: (port, auth) => connectDtls(engine, port, auth),
  serve: (auth) => serveDtls(engine, auth),
});

export const native = dtls('native', ['psk', 'raw keys']);
export const webrtc = dtls('webrtc-dtls', ['psk']);

export const sockUdp = {
  auths: ['in clear'],
  async connect(port) {
    const udp = openUdp();
    const remote = { ...ANY, port };
    const data = new Uint8Array(LONGEST);
    const from = { ...ANY };
    return {
      send: (message) => udp.trySend(message, remote) > 0,
      receive: () => udp.recv(data, s.SOCK_NO_TIMEOUT, from),
      close: () => udp.close(),
    };
  },
  async serve() {
    const udp = openUdp();
    const state = { port: portOf(udp), received: 0 };
    const loop = async () => {
      const data = new Uint8Array(LONGEST);
      const from = { ...ANY };
      for (;;) {
        const res = await udp.recv(data, s.SOCK_NO_TIMEOUT, from);
        if (res === -s.errno.EINVAL) return;
        if (res <= 0) continue;
        state.received++;
        if (data[0] !== QUIET) udp.trySend(data.subarray(0, res), from);
      }
    };
    loop();
    return state;
  },
};
