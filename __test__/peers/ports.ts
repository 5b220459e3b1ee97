/**
 * Free ports, for programs that cannot tell which one the system has chosen for them.
 */

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const LOWEST = 20_300;
/** The system's own choices begin here, so none of them gets in the way between the probe and the program's start. */
const HIGHEST = 32_768;

const given = new Set<number>();

function udpIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket({ type: 'udp6', ipv6Only: false });
    socket.once('error', () => resolve(false));
    socket.bind(port, '::', () => socket.close(() => resolve(true)));
  });
}

function tcpIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '::', () => server.close(() => resolve(true)));
  });
}

/** A port that is free for UDP and TCP on every address, and so is the next one. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = LOWEST + 2 * Math.floor((Math.random() * (HIGHEST - LOWEST)) / 2);
    if (given.has(port)) continue;
    given.add(port);
    const free = await Promise.all([port, port + 1].flatMap((p) => [udpIsFree(p), tcpIsFree(p)]));
    if (free.every(Boolean)) return port;
  }
  throw new Error('no free port was found');
}
