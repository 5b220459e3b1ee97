import test, { type ExecutionContext } from 'ava';
import { CREDMAN_TAG_EMPTY, errno, type SockDtlsOptions } from '../../index.js';
import { onEachEngine } from '../helpers/engines.js';
import { addPsk } from '../peers/keys.js';
import { OurClient, OurServer } from '../peers/ours.js';
import { Tool } from '../peers/tool.js';

const IDENTITY = 'node-17';
const KEY = 'correct horse';
const KEY_HEX = Buffer.from(KEY).toString('hex');

interface Suite {
  name: string;
  keyExchange: string;
  /** OpenSSL's name. CCM_8 is below its default security level: the tag is short. */
  cipher: string;
  /** What OpenSSL prints. */
  printed: string;
}

const suites: readonly Suite[] = [
  {
    name: 'TLS_PSK_WITH_AES_128_CCM_8',
    keyExchange: 'PSK',
    cipher: 'PSK-AES128-CCM8:@SECLEVEL=0',
    printed: 'PSK-AES128-CCM8',
  },
  {
    name: 'TLS_PSK_WITH_AES_256_CCM_8',
    keyExchange: 'PSK',
    cipher: 'PSK-AES256-CCM8:@SECLEVEL=0',
    printed: 'PSK-AES256-CCM8',
  },
  {
    name: 'TLS_PSK_WITH_AES_128_CCM',
    keyExchange: 'PSK',
    cipher: 'PSK-AES128-CCM',
    printed: 'PSK-AES128-CCM',
  },
  {
    name: 'TLS_PSK_WITH_AES_256_CCM',
    keyExchange: 'PSK',
    cipher: 'PSK-AES256-CCM',
    printed: 'PSK-AES256-CCM',
  },
  {
    name: 'TLS_PSK_WITH_AES_128_GCM_SHA256',
    keyExchange: 'PSK',
    cipher: 'PSK-AES128-GCM-SHA256',
    printed: 'PSK-AES128-GCM-SHA256',
  },
  {
    name: 'TLS_PSK_WITH_AES_256_GCM_SHA384',
    keyExchange: 'PSK',
    cipher: 'PSK-AES256-GCM-SHA384',
    printed: 'PSK-AES256-GCM-SHA384',
  },
  {
    name: 'TLS_PSK_WITH_CHACHA20_POLY1305_SHA256',
    keyExchange: 'PSK',
    cipher: 'PSK-CHACHA20-POLY1305',
    printed: 'PSK-CHACHA20-POLY1305',
  },
  {
    name: 'TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256',
    keyExchange: 'ECDHE_PSK',
    cipher: 'ECDHE-PSK-CHACHA20-POLY1305',
    printed: 'ECDHE-PSK-CHACHA20-POLY1305',
  },
];

const anyPsk = 'PSK:@SECLEVEL=0';

function client(t: ExecutionContext, port: number, cipher: string, ...more: string[]): Tool {
  return Tool.start(t, 'openssl', [
    's_client',
    '-dtls1_2',
    ...['-connect', `127.0.0.1:${port}`],
    ...['-psk_identity', IDENTITY, '-psk', KEY_HEX, '-cipher', cipher],
    ...more,
  ]);
}

/** Starts a server, and waits until it listens. It serves one peer. */
async function server(
  t: ExecutionContext,
  cipher: string,
  ...more: string[]
): Promise<{ tool: Tool; port: number }> {
  const tool = Tool.start(t, 'openssl', [
    's_server',
    '-dtls1_2',
    ...['-accept', '127.0.0.1:0', '-nocert'],
    ...['-psk_identity', IDENTITY, '-psk', KEY_HEX, '-cipher', cipher],
    ...more,
  ]);
  const [, port] = await tool.waitFor(/^ACCEPT 127\.0\.0\.1:(\d+)$/m);
  return { tool, port: Number(port) };
}

/** Their client against our server: lines there and back, then an orderly end. */
async function clientEchoes(t: ExecutionContext, suite: Suite, cipher: string, options: SockDtlsOptions) {
  const ours = new OurServer(t, [addPsk(t, IDENTITY, KEY)], options);
  const theirs = client(t, ours.port, cipher);
  await theirs.waitFor(new RegExp(`Cipher is ${suite.printed}$`, 'm'));
  await theirs.waitFor(/Extended master secret: yes/);
  const info = await ours.handshake();
  t.is(info.suite, suite.name);
  t.is(info.keyExchange, suite.keyExchange);
  t.true(info.extendedMasterSecret);
  t.is(info.peerPublicKey, null);
  t.is(Buffer.from(info.pskIdentity ?? []).toString(), IDENTITY);
  for (const [i, line] of ['hello from OpenSSL', 'a second message', 'x'.repeat(1000)].entries()) {
    theirs.writeLine(line);
    t.is(await ours.message(i), `${line}\n`);
    await theirs.waitFor(new RegExp(`^${line}$`, 'm'));
  }
  theirs.endInput();
  t.is(await theirs.end(), 0);
  t.is(ours.sock.stats().handshakesFailed, 0);
  t.is(ours.sock.stats().recordsForged, 0);
}

/** Our client against their server: a message each way, twice, then an orderly end. */
async function serverTalks(t: ExecutionContext, suite: Suite, cipher: string, options: SockDtlsOptions) {
  const { tool: theirs, port } = await server(t, cipher);
  const ours = new OurClient(t, [addPsk(t, IDENTITY, KEY)], options);
  const info = await ours.established(port);
  t.is(info.suite, suite.name);
  t.is(info.keyExchange, suite.keyExchange);
  t.true(info.extendedMasterSecret);
  await theirs.waitFor(new RegExp(`CIPHER is ${suite.printed}$`, 'm'));
  for (const word of ['one', 'two']) {
    await ours.send(`ask ${word}\n`);
    await theirs.waitFor(new RegExp(`^ask ${word}$`, 'm'));
    theirs.writeLine(`answer ${word}`);
    t.is(await ours.receiveText(), `answer ${word}\n`);
  }
  ours.sock.sessionDestroy(ours.session);
  t.is(ours.sock.sessionInfo(ours.session), null);
  // What it says of a close_notify.
  await theirs.waitFor(/^DONE$/m);
  t.is(ours.sock.stats().recordsForged, 0);
}

/** Those that both our engines speak. */
const ofBothEngines = /_PSK_WITH_AES_128_(GCM_SHA256|CCM|CCM_8)$/;

for (const suite of suites) {
  const name = suite.name.replace(/^TLS_/, '');
  const declare: typeof onEachEngine = ofBothEngines.test(suite.name) ? onEachEngine : test;

  declare(`an OpenSSL client that offers only ${name} gets its echo`, (t) =>
    clientEchoes(t, suite, suite.cipher, {}),
  );

  declare(`an OpenSSL client gets its echo over ${name} when the server accepts nothing else`, (t) =>
    clientEchoes(t, suite, anyPsk, { suites: [suite.name] }),
  );

  declare(`an OpenSSL server that accepts only ${name} answers`, (t) =>
    serverTalks(t, suite, suite.cipher, {}),
  );

  declare(`an OpenSSL server answers over ${name} when the client offers nothing else`, (t) =>
    serverTalks(t, suite, anyPsk, { suites: [suite.name] }),
  );
}

onEachEngine('an OpenSSL client sees the hint of the server', async (t) => {
  const ours = new OurServer(t, [addPsk(t, IDENTITY, KEY)]);
  t.is(ours.sock.setServerPskIdHint('pump house'), 0);
  const theirs = client(t, ours.port, 'PSK-AES128-CCM8:@SECLEVEL=0');
  await theirs.waitFor(/PSK identity hint: pump house$/m);
  theirs.writeLine('hinted');
  t.is(await ours.message(), 'hinted\n');
});

onEachEngine('an OpenSSL client sees no hint when the server has none', async (t) => {
  const ours = new OurServer(t, [addPsk(t, IDENTITY, KEY)]);
  const theirs = client(t, ours.port, 'PSK-AES128-CCM8:@SECLEVEL=0');
  await theirs.waitFor(/PSK identity hint: None$/m);
  theirs.writeLine('not hinted');
  t.is(await ours.message(), 'not hinted\n');
});

test('the hint of an OpenSSL server reaches the callback, which chooses the credential', async (t) => {
  const { tool: theirs, port } = await server(t, anyPsk, '-psk_hint', 'boiler room');
  const wrong = addPsk(t, 'somebody', 'another key');
  const right = addPsk(t, IDENTITY, KEY);
  const ours = new OurClient(t, [wrong, right]);
  const calls: unknown[] = [];
  ours.sock.setClientPskCb(async (sock, ep, tags, hint) => {
    calls.push([sock === ours.sock, ep.addr, ep.port, tags, hint]);
    return right;
  });
  const info = await ours.established(port);
  t.deepEqual(calls, [[true, '127.0.0.1', port, [wrong, right], 'boiler room']]);
  t.is(Buffer.from(info.pskIdentity ?? []).toString(), IDENTITY);
  await ours.send('chosen by the callback\n');
  await theirs.waitFor(/^chosen by the callback$/m);
});

test('without a choice of the callback the credential with the hint of an OpenSSL server is taken', async (t) => {
  const { tool: theirs, port } = await server(t, anyPsk, '-psk_hint', 'boiler room');
  const wrong = addPsk(t, 'somebody', 'another key', 'pump house');
  const right = addPsk(t, IDENTITY, KEY, 'boiler room');
  const ours = new OurClient(t, [wrong, right]);
  ours.sock.setClientPskCb(() => CREDMAN_TAG_EMPTY);
  const info = await ours.established(port);
  t.is(Buffer.from(info.pskIdentity ?? []).toString(), IDENTITY);
  await ours.send('chosen by the hint\n');
  await theirs.waitFor(/^chosen by the hint$/m);
});

onEachEngine('the callback gets null when an OpenSSL server has no hint', async (t) => {
  const { port } = await server(t, anyPsk);
  const ours = new OurClient(t, [addPsk(t, IDENTITY, KEY)]);
  const hints: (string | null)[] = [];
  ours.sock.setClientPskCb((_sock, _ep, _tags, hint) => {
    hints.push(hint);
    return CREDMAN_TAG_EMPTY;
  });
  await ours.established(port);
  t.deepEqual(hints, [null]);
});

test('an OpenSSL client with a wrong key and one with an unknown identity get the same answer', async (t) => {
  const alerts: string[] = [];
  const ours = new OurServer(t, [addPsk(t, IDENTITY, KEY)]);
  for (const [identity, key] of [
    [IDENTITY, 'ffff'],
    ['nobody', KEY_HEX],
  ] as const) {
    const theirs = Tool.start(t, 'openssl', [
      's_client',
      '-dtls1_2',
      ...['-connect', `127.0.0.1:${ours.port}`, '-cipher', anyPsk],
      ...['-psk_identity', identity, '-psk', key],
    ]);
    const [alert] = await theirs.waitFor(/SSL alert number \d+/);
    alerts.push(alert);
    t.not(await theirs.end(), 0);
  }
  t.deepEqual(alerts, ['SSL alert number 51', 'SSL alert number 51']);
  t.is(ours.sock.stats().handshakesCompleted, 0);
  await ours.empty();
  const good = client(t, ours.port, anyPsk);
  good.writeLine('the right key still works');
  t.is(await ours.message(), 'the right key still works\n');
});

test('a client with a wrong key gets no session with an OpenSSL server, which keeps silent', async (t) => {
  const { port } = await server(t, 'PSK-AES128-GCM-SHA256');
  const ours = new OurClient(t, [addPsk(t, IDENTITY, 'not the key')], { handshakeLifetimeMs: 2500 });
  t.is(await ours.connect(port), -errno.ETIMEDOUT);
  t.is(ours.sock.sessionInfo(ours.session), null);
});

onEachEngine('OpenSSL clients are served at the same time', async (t) => {
  const ours = new OurServer(t, [addPsk(t, IDENTITY, KEY)]);
  const theirs = Array.from({ length: 4 }, () => client(t, ours.port, anyPsk));
  await Promise.all(theirs.map((tool) => tool.waitFor(/Cipher is/)));
  for (const [i, tool] of theirs.entries()) tool.writeLine(`client number ${i}`);
  await Promise.all(theirs.map((tool, i) => tool.waitFor(new RegExp(`^client number ${i}$`, 'm'))));
  t.is(ours.sock.stats().sessions, 4);
});
