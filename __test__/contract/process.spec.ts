/**
 * The package as programs meet it: built, loaded both ways, in processes and worker threads of its own.
 */

import { cpSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import * as source from '../../index.js';
import { addPsk, client, HANDSHAKE, server } from '../helpers/socks.js';
import { tempFolder } from '../peers/keys.js';
import { Tool } from '../peers/tool.js';

/** A file with a program. */
function fileOf(t: ExecutionContext, name: string, code: string): string {
  const file = join(tempFolder(t), name);
  writeFileSync(file, code);
  return file;
}

function program(t: ExecutionContext, name: string, code: string): Tool {
  return Tool.start(t, process.execPath, [fileOf(t, name, code)]);
}

const packageFile = resolve('dist/esm/index.js');
const commonJs = resolve('dist/cjs/index.js');

/** What the package exports, types aside. */
const exported = `
  AF_INET AF_INET6 AF_UNSPEC CIPHER_SUITES CONFIG_DTLS_FORCE_EXTENDED_MASTER_SECRET
  CONFIG_DTLS_FORCE_RENEGOTIATION_INFO CREDMAN_ERROR CREDMAN_EXIST CREDMAN_INVALID CREDMAN_NOT_FOUND
  CREDMAN_NO_SPACE CREDMAN_OK CREDMAN_TAG_EMPTY CREDMAN_TYPE_ECDSA CREDMAN_TYPE_EMPTY CREDMAN_TYPE_PSK
  CREDMAN_TYPE_UNKNOWN DTLS_DEFAULT_PORT DTLS_HANDSHAKE_BUFSIZE SOCK_ADDR_ANY_NETIF SOCK_ASYNC_CONN_FIN
  SOCK_ASYNC_CONN_RDY SOCK_ASYNC_CONN_RECV SOCK_ASYNC_MSG_RECV SOCK_ASYNC_MSG_SENT SOCK_ASYNC_PATH_PROP
  SOCK_AUX_GET_LOCAL SOCK_AUX_GET_RSSI SOCK_AUX_GET_TIMESTAMP SOCK_AUX_GET_TTL SOCK_AUX_SET_LOCAL
  SOCK_DTLS_1_0 SOCK_DTLS_1_2 SOCK_DTLS_1_3 SOCK_DTLS_CLIENT SOCK_DTLS_HANDSHAKE SOCK_DTLS_SERVER
  SOCK_FLAGS_REUSE_EP SOCK_IPV4_EP_ANY SOCK_IPV6_EP_ANY SOCK_NO_TIMEOUT SockDtls SockDtlsSession SockUdp
  credman errno sockDtlsInit strerror
`;

/** Socks of a server and a client in one process, with a handshake between them. */
const connected = `
  import * as s from ${JSON.stringify(packageFile)};
  import { generateKeyPairSync } from 'node:crypto';
  const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64url'));
  export function addKeyPair(tag) {
    const { d, x, y } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
    const ecdsa = { privateKey: bytes(d), publicKey: { x: bytes(x), y: bytes(y) } };
    if (s.credman.add({ tag, type: s.CREDMAN_TYPE_ECDSA, params: { ecdsa } }) !== 0) throw new Error('add');
  }
  export function addPsk(tag) {
    s.credman.add({ tag, type: s.CREDMAN_TYPE_PSK, params: { psk: { id: 'id', key: 'key' } } });
  }
  export function open(tag, role) {
    const udp = new s.SockUdp();
    if (udp.create({ ...s.SOCK_IPV4_EP_ANY, addr: '127.0.0.1' }, null, 0) < 0) throw new Error('udp');
    const sock = new s.SockDtls();
    if (sock.create(udp, tag, s.SOCK_DTLS_1_2, role) < 0) throw new Error('create');
    return sock;
  }
  export async function connect(tag) {
    const server = open(tag, s.SOCK_DTLS_SERVER);
    const client = open(tag, s.SOCK_DTLS_CLIENT);
    const ep = { ...s.SOCK_IPV4_EP_ANY };
    server.getUdpSock().getLocal(ep);
    const session = new s.SockDtlsSession();
    client.sessionInit(ep, session);
    const res = await client.recv(session, new Uint8Array(8), 20_000_000);
    if (res !== -s.SOCK_DTLS_HANDSHAKE) throw new Error(s.strerror(res));
    return { server, client, session };
  }
  export function close(...socks) {
    for (const sock of socks) {
      sock.close();
      sock.getUdpSock().close();
    }
  }
`;

function withSocks(t: ExecutionContext, code: string): Tool {
  return program(t, 'main.mjs', `${connected}\n${code}`);
}

test('the package exports the same from ES modules, from CommonJS and from its source', async (t) => {
  const [esm, cjs] = await Promise.all([import(packageFile), import(commonJs)]);
  const names = Object.keys(source).sort();
  t.deepEqual(names, exported.trim().split(/\s+/));
  t.deepEqual(Object.keys(esm).sort(), names);
  t.deepEqual(
    Object.keys(cjs)
      .filter((name) => name !== 'default' && name !== 'module.exports' && name !== '__esModule')
      .sort(),
    names,
  );
  t.deepEqual({ ...esm.errno }, { ...source.errno });
});

test('CommonJS programs can require it', async (t) => {
  const code = `
    const { credman, SockUdp, SOCK_IPV4_EP_ANY } = require(${JSON.stringify(commonJs)});
    const udp = new SockUdp();
    console.log('created', udp.create({ ...SOCK_IPV4_EP_ANY }, null, 0), credman.getUsedCount());
    udp.close();
  `;
  const tool = program(t, 'main.cjs', code);
  t.is(await tool.end(), 0);
  t.is(tool.output, 'created 0 0\n');
});

test('a process with nothing open ends by itself', async (t) => {
  const tool = withSocks(
    t,
    `addPsk(1);
    const { server, client } = await connect(1);
    close(client, server);
    console.log('closed');`,
  );
  t.is(await tool.end(), 0);
  t.is(tool.output, 'closed\n');
});

test('an open sock keeps its process alive until it is closed, idle or not', async (t) => {
  for (const body of [
    'const open1 = new s.SockUdp(); open1.create({ ...s.SOCK_IPV4_EP_ANY }, null, 0);',
    'const open1 = open(0, s.SOCK_DTLS_SERVER);',
  ]) {
    const tool = withSocks(
      t,
      `${body}
      console.log('idle');
      setTimeout(() => { console.log('still here'); process.on('exit', () => console.log('end'));
        open1.close(); open1.getUdpSock?.().close(); }, 300).unref();`,
    );
    t.is(await tool.end(), 0);
    t.is(tool.output, 'idle\nstill here\nend\n');
  }
});

test('an unreferenced sock keeps no process alive, a referenced one does again', async (t) => {
  const tool = withSocks(
    t,
    `addPsk(1);
    const { server, client } = await connect(1);
    server.unref();
    client.unref();
    server.recv(new s.SockDtlsSession(), new Uint8Array(8));
    process.on('exit', () => console.log('end'));
    console.log('unreferenced');`,
  );
  t.is(await tool.end(), 0);
  t.is(tool.output, 'unreferenced\nend\n');
  const held = withSocks(
    t,
    `const sock = open(0, s.SOCK_DTLS_SERVER);
    sock.unref().ref();
    setTimeout(() => { console.log('held'); process.exit(0); }, 300).unref();`,
  );
  t.is(await held.end(), 0);
  t.is(held.output, 'held\n');
});

test('the first unverified peer of a process raises one warning', async (t) => {
  const tool = withSocks(
    t,
    `const warnings = [];
    process.on('warning', (warning) => warnings.push(warning.code));
    addKeyPair(1);
    for (let i = 0; i < 3; i++) {
      const { server, client } = await connect(1);
      close(client, server);
    }
    setTimeout(() => console.log(JSON.stringify(warnings)), 100);`,
  );
  t.is(await tool.end(), 0);
  t.true(tool.output.includes('["SOCK_DTLS_UNVERIFIED_PEER"]'), tool.output);
});

test('pre-shared keys and verified peers raise no warning', async (t) => {
  const tool = withSocks(
    t,
    `addPsk(1);
    const { server, client } = await connect(1);
    close(client, server);
    console.log('done');`,
  );
  t.is(await tool.end(), 0);
  t.is(tool.output, 'done\n');
});

test('a process that has no descriptor left gets -ENOMEM for another sock, and its others go on', async (t) => {
  const code = `${connected}
    addPsk(1);
    const { server, client, session } = await connect(1);
    const more = [];
    let res = 0;
    while (res === 0 && more.length < 1000) {
      const udp = new s.SockUdp();
      res = udp.create({ ...s.SOCK_IPV4_EP_ANY }, null, 0);
      if (res === 0) more.push(udp);
    }
    console.log(s.strerror(res), more.length < 1000);
    await client.send(session, Buffer.from('still here'));
    let got;
    do got = await server.recv(new s.SockDtlsSession(), new Uint8Array(64), 20_000_000); while (got < 0);
    for (const udp of more) udp.close();
    console.log(got);
    close(client, server);`;
  const limited = ['-c', 'ulimit -n 80; exec "$0" "$1"', process.execPath, fileOf(t, 'main.mjs', code)];
  const tool = Tool.start(t, 'sh', limited);
  t.is(await tool.end(), 0, tool.output);
  t.is(tool.output, 'ENOMEM true\n10\n');
});

test('worker threads have socks of their own, share the pool, and may be ended at any time', async (t) => {
  const worker = `${connected}
    import { parentPort, workerData } from 'node:worker_threads';
    const { server, client, session } = await connect(1);
    const data = new Uint8Array(64);
    for (let i = 0; i < 50; i++) {
      await client.send(session, Buffer.from('worker ' + workerData + ' ' + i));
      let res;
      do res = await server.recv(session, data, 20_000_000); while (res < 0);
      const text = Buffer.from(data.subarray(0, res)).toString();
      if (text !== 'worker ' + workerData + ' ' + i) throw new Error(text);
      const ep = { ...s.SOCK_IPV4_EP_ANY };
      server.getUdpSock().getLocal(ep);
      session.setUdpEp(ep);
    }
    parentPort.postMessage('done');
    if (workerData % 2 === 0) close(client, server);
  `;
  const tool = withSocks(
    t,
    `import { Worker } from 'node:worker_threads';
    addPsk(1);
    const workers = [0, 1, 2, 3].map((workerData) =>
      new Worker(${JSON.stringify(worker)}, { eval: true, workerData, type: 'module' }));
    await Promise.all(workers.map((worker) => new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    })));
    console.log('all done', s.credman.getUsedCount());
    // Half of them still have open socks.
    await Promise.all(workers.map((worker) => worker.terminate()));
    const { server, client } = await connect(1);
    close(client, server);
    console.log('and the main thread goes on');`,
  );
  t.is(await tool.end(60_000), 0, tool.output);
  t.is(tool.output, 'all done 1\nand the main thread goes on\n');
});

test('what was sent in the turn that a process exits in has left', async (t) => {
  const tag = addPsk(t, { id: 'id', key: 'key' });
  const to = server(t, [tag]);
  const ends = [
    'process.exit(0)',
    'setImmediate(() => process.exit(0))',
    'close(client)',
    'process.exitCode = 0',
  ];
  for (const exit of ends) {
    const tool = withSocks(
      t,
      `addPsk(1);
      const client = open(1, s.SOCK_DTLS_CLIENT);
      const session = new s.SockDtlsSession();
      session.setUdpEp({ ...s.SOCK_IPV4_EP_ANY, addr: '127.0.0.1', port: ${to.port} });
      await client.send(session, Buffer.from('0'), 20_000_000);
      const send = (messages) => {
        for (const message of messages) {
          if (client.trySend(session, Buffer.from(message)) !== 1) throw new Error('trySend');
        }
      };
      process.on('exit', () => client.getCredentials().length > 0 && send('789'));
      send('123456');
      if (${exit === 'close(client)'}) send('789');
      client.getUdpSock().unref();
      ${exit};`,
    );
    t.is((await to.next()).res, HANDSHAKE);
    for (const message of '0123456789') t.is((await to.next()).text, message, exit);
    t.is(await tool.end(), 0);
  }
});

test('a sock that was closed, or never opened, leaves nothing behind', async (t) => {
  const code = `
    addPsk(1);
    const gone = [];
    // A function: what a module has in its variables is not gone.
    function useAndClose(reader) {
      const udp = new s.SockUdp();
      udp.create({ ...s.SOCK_IPV4_EP_ANY, addr: '127.0.0.1' }, null, 0);
      const [sock, second] = [new s.SockDtls({ reader }), new s.SockDtls({ reader })];
      if (sock.create(udp, 1, s.SOCK_DTLS_1_2, s.SOCK_DTLS_SERVER) !== 0) throw new Error('create');
      if (second.create(udp, 1, s.SOCK_DTLS_1_2, s.SOCK_DTLS_SERVER) !== -1) throw new Error('in use');
      sock.setCb(() => {});
      sock.recv(new s.SockDtlsSession(), new Uint8Array(8));
      gone.push(new WeakRef(sock), new WeakRef(second));
      sock.close();
      udp.close();
    }
    for (let i = 0; i < 50; i++) for (const reader of ['loop', 'thread']) useAndClose(reader);
    for (let i = 0; i < 250 && gone.some((ref) => ref.deref()); i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      gc();
    }
    console.log(gone.filter((ref) => ref.deref()).length, 'are left');`;
  const file = fileOf(t, 'main.mjs', `${connected}\n${code}`);
  const tool = Tool.start(t, process.execPath, ['--expose-gc', file]);
  t.is(await tool.end(), 0);
  t.is(tool.output, '0 are left\n');
});

test('handshakes go on while the program of a sock is busy, if a thread reads', async (t) => {
  const tag = addPsk(t, { id: 'id', key: 'key' });
  const tool = withSocks(
    t,
    `addPsk(1);
    const udp = new s.SockUdp();
    udp.create({ ...s.SOCK_IPV4_EP_ANY, addr: '127.0.0.1' }, null, 0);
    const sock = new s.SockDtls({ reader: 'thread' });
    sock.create(udp, 1, s.SOCK_DTLS_1_2, s.SOCK_DTLS_SERVER);
    const ep = { ...s.SOCK_IPV4_EP_ANY };
    udp.getLocal(ep);
    console.log('port', ep.port);
    setTimeout(() => {
      // Never comes back to its event loop.
      const forever = new Int32Array(new SharedArrayBuffer(4));
      process.stdout.write('busy', () => Atomics.wait(forever, 0, 0));
    }, 0);`,
  );
  const [, port] = await tool.waitFor(/port (\d+)/);
  await tool.waitFor(/busy/);
  const from = client(t, [tag]);
  t.is((await from.attempt(Number(port))).res, HANDSHAKE);
  await tool.stop();
});

test('a process may end in the middle of everything', async (t) => {
  const tool = withSocks(
    t,
    `addPsk(1);
    const { server, client, session } = await connect(1);
    for (let i = 0; i < 1000; i++) client.trySend(session, Buffer.alloc(1000));
    for (let i = 0; i < 50; i++) client.sessionInit({ ...s.SOCK_IPV4_EP_ANY, addr: '127.0.0.1', port: 40000 + i },
      new s.SockDtlsSession());
    server.setCb(() => {});
    process.exit(7);`,
  );
  t.is(await tool.end(), 7, tool.output);
});

test('what a callback throws is an uncaught exception, and the sock goes on', async (t) => {
  const tool = withSocks(
    t,
    `addPsk(1);
    const { server, client, session } = await connect(1);
    const caught = [];
    process.on('uncaughtException', (error) => caught.push(error.message));
    let calls = 0;
    client.setCb(() => { if (++calls < 3) throw new Error('thrown ' + calls); });
    for (let i = 0; i < 5; i++) {
      client.trySend(session, Buffer.from('x'));
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    console.log(calls, JSON.stringify(caught));
    close(client, server);`,
  );
  t.is(await tool.end(), 0, tool.output);
  t.is(tool.output, '5 ["thrown 1","thrown 2"]\n');
});

test('an addon that is missing is explained', async (t) => {
  const folder = tempFolder(t);
  cpSync('dist', join(folder, 'dist'), { recursive: true });
  cpSync('package.json', join(folder, 'package.json'));
  const tool = Tool.start(t, process.execPath, [join(folder, 'dist/esm/index.js')]);
  t.not(await tool.end(), 0);
  t.regex(tool.output, /the compiled addon for \S+ cannot be loaded/);
  t.regex(tool.output, /--include=optional/);
});
