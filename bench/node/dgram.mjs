// node:dgram as a subject: no encryption.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { LOOPBACK, QUIET } from './common.mjs';
import { Arrivals } from './queue.mjs';

async function open() {
  const socket = createSocket('udp4');
  socket.bind(0, LOOPBACK);
  await once(socket, 'listening');
  return socket;
}

export const dgram = {
  auths: ['in clear'],
  async connect(port) {
    const socket = await open();
    const arrivals = new Arrivals();
    socket.on('message', () => arrivals.arrived());
    return {
      send: (message) => {
        socket.send(message, port, LOOPBACK);
        return true;
      },
      receive: () => arrivals.next(),
      forget: () => arrivals.forget(),
      close: () => socket.close(),
    };
  },
  async serve() {
    const socket = await open();
    const state = { port: socket.address().port, received: 0 };
    socket.on('message', (message, from) => {
      state.received++;
      if (message[0] !== QUIET) socket.send(message, from.port, from.address);
    });
    return state;
  },
};
