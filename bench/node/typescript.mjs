// The implementations in TypeScript and JavaScript as subjects.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IDENTITY, KEY, LOOPBACK, QUIET } from './common.mjs';
import { Arrivals } from './queue.mjs';

const require = createRequire(import.meta.url);

/** Waits for one event, or fails with the other's argument or after a while. */
function settled(subscribe) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no handshake in 2 s')), 2000);
    const end = (act) => (value) => {
      clearTimeout(timer);
      act(value);
    };
    subscribe(end(resolve), end(reject));
  });
}

/** node-dtls-client: a client, PSK only. */
export const nodeDtlsClient = {
  auths: ['psk'],
  async connect(port) {
    const { dtls } = require('node-dtls-client');
    const socket = dtls.createSocket({
      type: 'udp4',
      address: LOOPBACK,
      port,
      psk: { [IDENTITY]: Buffer.from(KEY) },
      ciphers: ['TLS_PSK_WITH_AES_128_GCM_SHA256'],
    });
    const arrivals = new Arrivals();
    socket.on('message', () => arrivals.arrived());
    await settled((resolve, reject) => socket.on('connected', resolve).on('error', reject));
    return {
      send: (message) => {
        socket.send(Buffer.from(message));
        return true;
      },
      receive: () => arrivals.next(),
      forget: () => arrivals.forget(),
      close: () => socket.close(),
    };
  },
};

/** @nodertc/dtls: a client. */
export const nodertc = {
  auths: ['psk'],
  async connect(port) {
    const dtls = require('@nodertc/dtls');
    const socket = dtls.connect({
      type: 'udp4',
      remotePort: port,
      remoteAddress: LOOPBACK,
      pskIdentity: IDENTITY,
      pskSecret: Buffer.from(KEY),
      cipherSuites: ['TLS_PSK_WITH_AES_128_GCM_SHA256'],
    });
    const arrivals = new Arrivals();
    socket.on('data', () => arrivals.arrived());
    await settled((resolve, reject) => socket.on('connect', resolve).on('error', reject));
    return {
      send: (message) => socket.write(Buffer.from(message)),
      receive: () => arrivals.next(),
      forget: () => arrivals.forget(),
      close: () => socket.close(),
    };
  },
};

/** A certificate as werift takes it, signed by itself. */
function certificate() {
  const folder = mkdtempSync(join(tmpdir(), 'sock-dtls-bench-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', cert, '-subj', '/CN=bench'], {
    stdio: 'ignore',
  });
  const pems = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  rmSync(folder, { recursive: true });
  return { ...pems, signatureHash: { hash: 4, signature: 3 } };
}

function weriftModules() {
  const dtls = require('werift-dtls/lib/dtls/src/index.js');
  const { UdpTransport } = require('werift-dtls/lib/common/src/transport.js');
  return { ...dtls, UdpTransport };
}

/** werift-dtls: certificates only; a server takes one peer. */
export const werift = {
  auths: ['certificate'],
  onePeer: true,
  async connect(port) {
    const { DtlsClient, UdpTransport } = weriftModules();
    const transport = await UdpTransport.init('udp4');
    transport.rinfo = { address: LOOPBACK, port };
    const client = new DtlsClient({ ...this.own(), transport, extendedMasterSecret: true });
    const arrivals = new Arrivals();
    client.onData.subscribe(() => arrivals.arrived());
    await settled((resolve, reject) => {
      client.onConnect.subscribe(resolve);
      client.onError.subscribe(reject);
      client.connect().catch(reject);
    });
    return {
      send: (message) => {
        client.send(Buffer.from(message));
        return true;
      },
      receive: () => arrivals.next(),
      forget: () => arrivals.forget(),
      close: () => client.close(),
    };
  },
  async serve() {
    const { DtlsServer, UdpTransport } = weriftModules();
    const transport = await UdpTransport.init('udp4');
    const server = new DtlsServer({ ...this.own(), transport, extendedMasterSecret: true });
    const state = { port: transport.address.port, received: 0 };
    server.onData.subscribe((message) => {
      state.received++;
      if (message[0] !== QUIET) server.send(message);
    });
    return state;
  },
  own() {
    this.certificate ??= certificate();
    return this.certificate;
  },
};
