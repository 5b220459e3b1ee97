import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { errno, type SockDtlsOptions } from '../../index.js';
import { addKeyPair, addPsk, generateKey, type KeyFiles, tempFolder } from '../peers/keys.js';
import { OurClient, OurServer } from '../peers/ours.js';
import { freePort } from '../peers/ports.js';
import { Tool } from '../peers/tool.js';

const IDENTITY = 'node-17';
const KEY = 'correct horse';
const KEY_HEX = Buffer.from(KEY).toString('hex');
const RAW_KEYS = 'NORMAL:-VERS-ALL:+VERS-DTLS1.2:-CTYPE-ALL:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK';
/** A client that has no key of its own: their program gives up when it has promised one and is asked for it. */
const ANONYMOUS = 'NORMAL:-VERS-ALL:+VERS-DTLS1.2:-CTYPE-ALL:+CTYPE-CLI-X509:+CTYPE-SRV-RAWPK';

interface Suite {
  name: string;
  /** GnuTLS's names. */
  kx: string;
  cipher: string;
  /** Their client crashes after the handshake, when it prints what was negotiated. */
  clientCrashes?: true;
}

const pskSuites: readonly Suite[] = [
  { name: 'TLS_PSK_WITH_AES_128_CCM_8', kx: 'PSK', cipher: 'AES-128-CCM-8' },
  { name: 'TLS_PSK_WITH_AES_256_CCM_8', kx: 'PSK', cipher: 'AES-256-CCM-8' },
  { name: 'TLS_PSK_WITH_AES_128_CCM', kx: 'PSK', cipher: 'AES-128-CCM' },
  { name: 'TLS_PSK_WITH_AES_128_GCM_SHA256', kx: 'PSK', cipher: 'AES-128-GCM' },
  {
    name: 'TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256',
    kx: 'ECDHE-PSK',
    cipher: 'CHACHA20-POLY1305',
    clientCrashes: true,
  },
];

const rawKeySuites: readonly Suite[] = [
  { name: 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', kx: 'ECDHE-ECDSA', cipher: 'AES-128-CCM-8' },
  { name: 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM', kx: 'ECDHE-ECDSA', cipher: 'AES-128-CCM' },
  { name: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', kx: 'ECDHE-ECDSA', cipher: 'AES-128-GCM' },
  { name: 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', kx: 'ECDHE-ECDSA', cipher: 'AES-256-GCM' },
  { name: 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', kx: 'ECDHE-ECDSA', cipher: 'CHACHA20-POLY1305' },
];

/** A priority string that leaves nothing but the suite. */
function only(suite: Suite): string {
  return `:-KX-ALL:+${suite.kx}:-CIPHER-ALL:+${suite.cipher}`;
}

const PSK = 'NORMAL:-VERS-ALL:+VERS-DTLS1.2';

function client(t: ExecutionContext, port: number, priority: string, ...more: string[]): Tool {
  const args = ['--udp', '-p', String(port), '--priority', priority, ...more, '127.0.0.1'];
  return Tool.start(t, 'gnutls-cli', args);
}

const pskArgs = ['--pskusername', IDENTITY, '--pskkey', KEY_HEX];

function keyArgs(key: KeyFiles): string[] {
  return ['--rawpkkeyfile', key.privateKeyFile, '--rawpkfile', key.publicKeyFile];
}

/** Starts an echo server, and waits until it listens. */
async function server(
  t: ExecutionContext,
  priority: string,
  ...more: string[]
): Promise<{ tool: Tool; port: number }> {
  const port = await freePort();
  const args = ['--udp', '--echo', '-p', String(port), '--priority', priority, ...more];
  const tool = Tool.start(t, 'gnutls-serv', args);
  await tool.waitFor(/listening on IPv4 \S+ port \d+\.\.\.done/);
  return { tool, port };
}

function pskServer(t: ExecutionContext, priority: string, ...more: string[]) {
  const file = join(tempFolder(t), 'psk.txt');
  writeFileSync(file, `${IDENTITY}:${KEY_HEX}\n`, { mode: 0o600 });
  return server(t, priority, '--pskpasswd', file, ...more);
}

/** Lines there and back, from their client to our server, then an orderly end. */
async function clientEchoes(t: ExecutionContext, theirs: Tool, ours: OurServer): Promise<void> {
  await theirs.waitFor(/Handshake was completed/);
  for (const [i, line] of ['hello from GnuTLS', 'a second message', 'x'.repeat(1000)].entries()) {
    theirs.writeLine(line);
    t.is(await ours.message(i), `${line}\n`);
    await theirs.waitFor(new RegExp(`^${line}$`, 'm'));
  }
  theirs.endInput();
  t.is(await theirs.end(), 0);
  t.is(ours.sock.stats().handshakesFailed, 0);
  t.is(ours.sock.stats().recordsForged, 0);
}

/** Lines there and back, from our client to their server, then an orderly end. */
async function serverEchoes(t: ExecutionContext, ours: OurClient): Promise<void> {
  // Their program answers in pieces of 255 bytes.
  for (const line of ['hello to GnuTLS\n', 'a second message\n', `${'x'.repeat(200)}\n`]) {
    await ours.send(line);
    t.is(await ours.receiveText(), line);
  }
  ours.sock.sessionDestroy(ours.session);
  t.is(ours.sock.sessionInfo(ours.session), null);
  t.is(ours.sock.stats().recordsForged, 0);
}

for (const suite of pskSuites) {
  const name = suite.name.replace(/^TLS_/, '');

  const title = suite.clientCrashes ? 'completes the handshake' : 'gets its echo';
  test(`a GnuTLS client that offers only ${name} ${title}`, async (t) => {
    const ours = new OurServer(t, [addPsk(t, IDENTITY, KEY)]);
    const theirs = client(t, ours.port, PSK + only(suite), ...pskArgs);
    const info = await ours.handshake();
    t.is(info.suite, suite.name);
    t.true(info.extendedMasterSecret);
    t.is(Buffer.from(info.pskIdentity ?? []).toString(), IDENTITY);
    if (!suite.clientCrashes) await clientEchoes(t, theirs, ours);
  });

  test(`a GnuTLS server answers over ${name} when the client offers nothing else`, async (t) => {
    const { port } = await pskServer(t, PSK + only(suite));
    const ours = new OurClient(t, [addPsk(t, IDENTITY, KEY)], { suites: [suite.name] });
    const info = await ours.established(port);
    t.is(info.suite, suite.name);
    t.true(info.extendedMasterSecret);
    await serverEchoes(t, ours);
  });
}

test('a GnuTLS client sees the hint of the server', async (t) => {
  const ours = new OurServer(t, [addPsk(t, IDENTITY, KEY)]);
  t.is(ours.sock.setServerPskIdHint('pump house'), 0);
  const theirs = client(t, ours.port, `${PSK}:-KX-ALL:+PSK`, ...pskArgs);
  await theirs.waitFor(/PSK hint 'pump house'/);
  await clientEchoes(t, theirs, ours);
});

test('the hint of a GnuTLS server chooses the credential', async (t) => {
  const { port } = await pskServer(t, `${PSK}:-KX-ALL:+PSK`, '--pskhint', 'boiler room');
  const hints: (string | null)[] = [];
  const tags = [addPsk(t, 'somebody', 'another key'), addPsk(t, IDENTITY, KEY, 'boiler room')];
  const ours = new OurClient(t, tags);
  ours.sock.setClientPskCb((_sock, _ep, _tags, hint) => {
    hints.push(hint);
    return 0;
  });
  const info = await ours.established(port);
  t.deepEqual(hints, ['boiler room']);
  t.is(Buffer.from(info.pskIdentity ?? []).toString(), IDENTITY);
  await serverEchoes(t, ours);
});

for (const suite of rawKeySuites) {
  const name = suite.name.replace(/^TLS_/, '');

  test(`a GnuTLS client with a raw public key gets its echo over ${name}`, async (t) => {
    const [serverKey, clientKey] = await Promise.all([generateKey(t, 'server'), generateKey(t, 'client')]);
    const tag = addKeyPair(t, serverKey.pair, [clientKey.publicKey]);
    const ours = new OurServer(t, [tag], { verifyPublicKey: true });
    const theirs = client(t, ours.port, RAW_KEYS + only(suite), '--insecure', ...keyArgs(clientKey));
    const info = await ours.handshake();
    t.is(info.suite, suite.name);
    t.is(info.keyExchange, 'ECDHE_ECDSA');
    t.is(info.pskIdentity, null);
    t.deepEqual(info.peerPublicKey, clientKey.publicKey);
    await clientEchoes(t, theirs, ours);
  });

  test(`a GnuTLS server with a raw public key answers over ${name}`, async (t) => {
    const [serverKey, clientKey] = await Promise.all([generateKey(t, 'server'), generateKey(t, 'client')]);
    const { port } = await server(t, RAW_KEYS + only(suite), '--require-client-cert', ...keyArgs(serverKey));
    const tag = addKeyPair(t, clientKey.pair, [serverKey.publicKey]);
    const ours = new OurClient(t, [tag], { verifyPublicKey: true, suites: [suite.name] });
    const info = await ours.established(port);
    t.is(info.suite, suite.name);
    t.deepEqual(info.peerPublicKey, serverKey.publicKey);
    await serverEchoes(t, ours);
  });
}

test('a GnuTLS client gets its echo over x25519 when the server accepts no other group', async (t) => {
  const [serverKey, clientKey] = await Promise.all([generateKey(t, 'server'), generateKey(t, 'client')]);
  const ours = new OurServer(t, [addKeyPair(t, serverKey.pair)], { groups: ['x25519'] });
  const theirs = client(t, ours.port, RAW_KEYS, '--insecure', ...keyArgs(clientKey));
  await theirs.waitFor(/X25519/);
  await clientEchoes(t, theirs, ours);
});

test('a GnuTLS server agrees on x25519 when the client offers no other group', async (t) => {
  const [serverKey, clientKey] = await Promise.all([generateKey(t, 'server'), generateKey(t, 'client')]);
  const { port } = await server(t, RAW_KEYS, ...keyArgs(serverKey));
  const ours = new OurClient(t, [addKeyPair(t, clientKey.pair)], { groups: ['x25519'] });
  await ours.established(port);
  await serverEchoes(t, ours);
});

/** A server with a key of its own that knows one client key. */
async function rawKeyServer(t: ExecutionContext, known: KeyFiles, options: SockDtlsOptions) {
  const { pair } = await generateKey(t, 'server');
  return new OurServer(t, [addKeyPair(t, pair, [known.publicKey])], options);
}

test('an anonymous GnuTLS client is accepted without verifyPublicKey', async (t) => {
  const ours = await rawKeyServer(t, await generateKey(t, 'client'), {});
  const theirs = client(t, ours.port, ANONYMOUS, '--insecure');
  t.is((await ours.handshake()).peerPublicKey, null);
  await clientEchoes(t, theirs, ours);
});

test('an unknown GnuTLS client is accepted without verifyPublicKey, and its key is told', async (t) => {
  const [known, stranger] = await Promise.all([generateKey(t, 'known'), generateKey(t, 'stranger')]);
  const ours = await rawKeyServer(t, known, {});
  const theirs = client(t, ours.port, RAW_KEYS, '--insecure', ...keyArgs(stranger));
  t.deepEqual((await ours.handshake()).peerPublicKey, stranger.publicKey);
  await clientEchoes(t, theirs, ours);
});

/** The server refuses one client, and goes on to serve one that it knows. */
async function refused(
  t: ExecutionContext,
  ours: OurServer,
  theirs: Tool,
  known: KeyFiles,
  alert = 'Certificate is bad',
): Promise<void> {
  await theirs.waitFor(new RegExp(`Received alert \\[\\d+\\]: ${alert}`));
  t.not(await theirs.end(), 0);
  await ours.empty();
  t.is(ours.sock.stats().handshakesCompleted, 0);
  // Their client repeats a hello that was refused.
  t.true(Number(ours.sock.stats().handshakesFailed) >= 1);
  const next = client(t, ours.port, RAW_KEYS, '--insecure', ...keyArgs(known));
  next.writeLine('the known key works');
  t.is(await ours.message(), 'the known key works\n');
  t.deepEqual((await ours.handshake()).peerPublicKey, known.publicKey);
}

test('an anonymous GnuTLS client is refused with verifyPublicKey', async (t) => {
  const known = await generateKey(t, 'client');
  const ours = await rawKeyServer(t, known, { verifyPublicKey: true });
  // The type of certificate that the server must have is not among those that the client has (RFC 7250 section 4.2).
  const theirs = client(t, ours.port, ANONYMOUS, '--insecure');
  await refused(t, ours, theirs, known, 'Certificate is not supported');
});

test('a GnuTLS client with another key is refused with verifyPublicKey', async (t) => {
  const [known, stranger] = await Promise.all([generateKey(t, 'known'), generateKey(t, 'stranger')]);
  const ours = await rawKeyServer(t, known, { verifyPublicKey: true });
  await refused(t, ours, client(t, ours.port, RAW_KEYS, '--insecure', ...keyArgs(stranger)), known);
});

test('a GnuTLS server with another key is refused with verifyPublicKey', async (t) => {
  const [own, theirs, known] = await Promise.all(
    ['client', 'server', 'known'].map((name) => generateKey(t, name)),
  );
  const { tool, port } = await server(t, RAW_KEYS, ...keyArgs(theirs as KeyFiles));
  const tag = addKeyPair(t, (own as KeyFiles).pair, [(known as KeyFiles).publicKey]);
  const ours = new OurClient(t, [tag], { verifyPublicKey: true });
  t.is(await ours.connect(port), -errno.ECONNABORTED);
  t.is(ours.sock.sessionInfo(ours.session), null);
  await tool.waitFor(/alert/i);
});

test('a client without a key is anonymous to a GnuTLS server that does not ask for one', async (t) => {
  const [serverKey, clientKey] = await Promise.all([generateKey(t, 'server'), generateKey(t, 'client')]);
  const { port } = await server(t, RAW_KEYS, '--disable-client-cert', ...keyArgs(serverKey));
  const ours = new OurClient(t, [addKeyPair(t, clientKey.pair)]);
  t.deepEqual((await ours.established(port)).peerPublicKey, serverKey.publicKey);
  await serverEchoes(t, ours);
});

test('a server with both kinds of credentials serves GnuTLS clients with either', async (t) => {
  const [serverKey, clientKey] = await Promise.all([generateKey(t, 'server'), generateKey(t, 'client')]);
  const ours = new OurServer(t, [addPsk(t, IDENTITY, KEY), addKeyPair(t, serverKey.pair)]);
  const withKey = client(t, ours.port, RAW_KEYS, '--insecure', ...keyArgs(clientKey));
  withKey.writeLine('a key pair');
  t.is(await ours.message(), 'a key pair\n');
  const withPsk = client(t, ours.port, `${PSK}:-KX-ALL:+PSK`, ...pskArgs);
  withPsk.writeLine('a shared key');
  t.is(await ours.message(1), 'a shared key\n');
  t.deepEqual(
    ours.handshakes.map((info) => info.keyExchange),
    ['ECDHE_ECDSA', 'PSK'],
  );
});
