// Echo round trips over loopback, server and client in a process each: sock-dtls, its bare UDP sock, and node:dgram, in
// turns. `npm run bench:echo`, after `npm run build`. Prints medians and their spread.

import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import * as s from 'sock-dtls';

const ROUNDS = 7;
const ROUND_MS = 600;
const ADDRESS = '127.0.0.1';
const LOOPBACK = { ...s.SOCK_IPV4_EP_ANY, addr: ADDRESS };
const LONGEST = 2048;

function openUdp() {
  const udp = new s.SockUdp();
  if (udp.create({ ...LOOPBACK }, null, 0) < 0) throw new Error('no UDP sock');
  return udp;
}

function portOf(udp) {
  const ep = { ...LOOPBACK };
  udp.getLocal(ep);
  return ep.port;
}

function openDtls(role) {
  const tag = 1;
  s.credman.add({ tag, type: s.CREDMAN_TYPE_PSK, params: { psk: { id: 'device', key: 'shared key' } } });
  const sock = new s.SockDtls({ suites: ['TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256'] });
  if (sock.create(openUdp(), tag, s.SOCK_DTLS_1_2, role) < 0) throw new Error('no DTLS sock');
  return sock;
}

async function openDgram() {
  const socket = createSocket('udp4');
  socket.bind(0, ADDRESS);
  await once(socket, 'listening');
  return socket;
}

/** Sends back what `receive` gives, for ever. */
async function echo(receive, send) {
  const data = new Uint8Array(LONGEST);
  for (;;) {
    const res = await receive(data);
    if (res > 0) await send(data.subarray(0, res));
  }
}

/** What is compared: `serve` starts an echo server and gives its port, `connect` gives a way to send and to receive. */
const subjects = {
  'sock-dtls, AES_128_GCM': {
    serve() {
      const sock = openDtls(s.SOCK_DTLS_SERVER);
      const peer = new s.SockDtlsSession();
      echo(
        (data) => sock.recv(peer, data),
        (data) => sock.send(peer, data),
      );
      return portOf(sock.getUdpSock());
    },
    async connect(port) {
      const sock = openDtls(s.SOCK_DTLS_CLIENT);
      const session = new s.SockDtlsSession();
      const heard = new s.SockDtlsSession();
      const reply = new Uint8Array(LONGEST);
      sock.sessionInit({ ...LOOPBACK, port }, session);
      if ((await sock.recv(heard, reply)) !== -s.SOCK_DTLS_HANDSHAKE) throw new Error('no handshake');
      return { send: (data) => sock.send(session, data), receive: () => sock.recv(heard, reply) };
    },
  },
  'SockUdp, in clear': {
    serve() {
      const udp = openUdp();
      const peer = { ...LOOPBACK };
      echo(
        (data) => udp.recv(data, s.SOCK_NO_TIMEOUT, peer),
        (data) => udp.send(data, peer),
      );
      return portOf(udp);
    },
    connect(port) {
      const udp = openUdp();
      const peer = { ...LOOPBACK, port };
      const reply = new Uint8Array(LONGEST);
      return { send: (data) => udp.send(data, peer), receive: () => udp.recv(reply) };
    },
  },
  'node:dgram, in clear': {
    async serve() {
      const socket = await openDgram();
      socket.on('message', (data, { port, address }) => socket.send(data, port, address));
      return socket.address().port;
    },
    async connect(port) {
      const socket = await openDgram();
      const waiting = [];
      socket.on('message', () => waiting.shift()?.());
      return {
        send: (data) => socket.send(data, port, ADDRESS),
        receive: () => new Promise((resolve) => waiting.push(resolve)),
      };
    },
  },
};

/** Round trips a second with so many messages under way. */
async function rate({ send, receive }, message, inFlight) {
  const started = performance.now();
  let trips = 0;
  while (performance.now() < started + ROUND_MS) {
    const replies = Array.from({ length: inFlight }, receive);
    for (let i = 0; i < inFlight; i++) send(message);
    await Promise.all(replies);
    trips += inFlight;
  }
  return (trips * 1000) / (performance.now() - started);
}

async function compare(clients, inFlight, length) {
  const message = new Uint8Array(length).fill(7);
  const results = new Map([...clients.keys()].map((name) => [name, []]));
  // The first round only warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, client] of clients) {
      const measured = await rate(client, message, inFlight);
      if (round > 0) results.get(name).push(measured);
    }
  }
  for (const values of results.values()) values.sort((a, b) => a - b);
  const median = (name) => results.get(name)[ROUNDS >> 1];
  console.log(`\n${length} bytes, ${inFlight} under way`);
  console.table(
    Object.fromEntries(
      [...results].map(([name, values]) => [
        name,
        {
          'round trips/s': Math.round(median(name)),
          spread: `${Math.round(values[0])} to ${Math.round(values[ROUNDS - 1])}`,
          'of node:dgram': `${Math.round((100 * median(name)) / median('node:dgram, in clear'))} %`,
        },
      ]),
    ),
  );
}

async function main() {
  const clients = new Map();
  const servers = [];
  for (const [name, { connect }] of Object.entries(subjects)) {
    const server = fork(fileURLToPath(import.meta.url), [name]);
    servers.push(server);
    const [port] = await once(server, 'message');
    clients.set(name, await connect(port));
  }
  for (const [inFlight, length] of [
    [1, 64],
    [64, 64],
    [1, 1200],
  ]) {
    await compare(clients, inFlight, length);
  }
  for (const server of servers) server.kill();
  process.exit(0);
}

const [, , subject] = process.argv;
if (subject === undefined) {
  await main();
} else {
  process.send(await subjects[subject].serve());
  process.on('disconnect', () => process.exit(0));
}
