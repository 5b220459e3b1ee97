/**
 * The examples, run as the README says, against each other.
 */

import test, { type ExecutionContext } from 'ava';
import { freePort } from '../peers/ports.js';
import { Tool } from '../peers/tool.js';

function example(t: ExecutionContext, name: string, ...args: string[]): Tool {
  return Tool.start(t, process.execPath, [`dist/examples/${name}.js`, ...args]);
}

/** The program behind `npm start`. */
function cli(t: ExecutionContext, ...args: string[]): Tool {
  return example(t, 'cli/main', ...args);
}

// The clients of RIOT's page are bound to a port of their own, so they take turns.
for (const client of ['echo-client', 'echo-client-blocking']) {
  test.serial(`the echo server of RIOT's page answers ${client}`, async (t) => {
    const port = String(await freePort());
    const server = example(t, 'echo-server', port);
    // It says nothing until a message comes; a ClientHello that is lost is sent again.
    const tool = example(t, client, '::1', port);
    t.is(await tool.end(), 0, tool.output);
    t.true(tool.output.endsWith('Sent 5 bytes: HELLO\nReceived 5 bytes: HELLO\n'), tool.output);
    await server.waitFor(/Received 5 bytes -- echo!/);
  });
}

for (const kind of ['psk', 'ecc']) {
  test.serial(`RIOT's dtls-sock example echoes with ${kind}, several times in a row`, async (t) => {
    const port = String(await freePort());
    const server = example(t, 'dtls-sock-server', port);
    for (const word of ['one', 'two', 'three']) {
      const client = example(t, 'dtls-sock-client', kind, '::1', word, port);
      t.is(await client.end(), 0, client.output + server.output);
      t.true(client.output.includes(`"${word}"`), client.output);
    }
  });
}

test('npm start plays both acts, and tells how it went by its exit code', async (t) => {
  const port = String(await freePort());
  const demo = cli(t, '--port', port);
  t.is(await demo.end(30_000), 0, demo.output);
  for (const pattern of [
    /TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256, identity "secretID"/,
    /TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, raw public key [0-9a-f]{16}/,
    /Connected to \[::1\]:\d+ in [\d.]+ ms/,
    /sent 5 bytes, "HELLO"; echoed 5 bytes/,
    /Received 11 bytes, "HELLO AGAIN"/,
    /Both messages came back unchanged\./,
  ]) {
    t.regex(demo.output, pattern);
  }
  const server = cli(t, 'server', '--port', port);
  await server.waitFor(/Listening on/);
  const blocked = cli(t, '--port', port);
  t.is(await blocked.end(30_000), 1);
  t.regex(blocked.output, /Try another port: npm start -- --port \d+/);
});

test('the server of the command line serves several identities, and raw public keys to those it knows', async (t) => {
  const port = String(await freePort());
  const keys = ['--private-key', 'examples/keys/server.pem', '--peer-key', 'examples/keys/client.pub.pem'];
  const psks = [
    '--identity',
    'a',
    '--key',
    '6161',
    '--identity',
    'b',
    '--key',
    '6262',
    '--hint',
    'greenhouse',
  ];
  const server = cli(t, 'server', '--port', port, ...psks, ...keys);
  await server.waitFor(/Listening on \[::\]:\d+/);
  const clients: [string[], number][] = [
    [['--identity', 'a', '--key', '6161'], 0],
    [['--identity', 'b', '--key', '6262', '--suites', 'TLS_PSK_WITH_AES_128_CCM_8'], 0],
    [['--identity', 'b', '--key', '6161', '--timeout', '4'], 1],
    [['--private-key', 'examples/keys/client.pem', '--peer-key', 'examples/keys/server.pub.pem'], 0],
    [['--private-key', 'examples/keys/client.pem', '--peer-key', 'examples/keys/client.pub.pem'], 1],
    [['--private-key', 'examples/keys/server.pem'], 1],
  ];
  for (const [args, code] of clients) {
    const client = cli(t, 'client', '127.0.0.1', port, '--message', 'hi', ...args);
    t.is(await client.end(), code, `${args.join(' ')}\n${client.output}`);
    if (code === 0) t.regex(client.output, /Received 2 bytes, "hi"/);
    else t.regex(client.output, /refused/i);
  }
});

const mistakes: [string[], RegExp][] = [
  [['nonsense'], /say server or client, or --help/],
  [['client'], /host/i],
  [['client', '127.0.0.1', '99999'], /PORT must be a number from 1 to 65535/],
  [['client', 'no.such.name.invalid', '20220'], /neither an address nor a known name/],
  [['client', 'fe80::1', '20220'], /link-local/],
  [['server', '--identity', 'a'], /needs its --key/],
  [['server', '--identity', 'a', '--key', 'xyz'], /hex/i],
  [['server', '--private-key', 'no-such-file.pem'], /there is no such file/],
  [['server', '--private-key', 'package.json'], /is not a private key on P-256/],
  [
    ['server', '--private-key', 'examples/keys/server.pem', '--peer-key', 'package.json'],
    /is not a public key/,
  ],
  [['server', '--suites', 'TLS_NOTHING'], /TLS_NOTHING/],
  [['server', '--hint', 'x'.repeat(33)], /hint/],
  [['server', '--unknown'], /--unknown/],
  [['client', '127.0.0.1', '20220', '--timeout', 'soon'], /timeout/i],
];

for (const [args, message] of mistakes) {
  test(`npm start -- ${args.join(' ').slice(0, 60)} says what is wrong`, async (t) => {
    const tool = cli(t, ...args);
    t.is(await tool.end(), 1, tool.output);
    t.regex(tool.output, message);
    t.notRegex(tool.output, /\n\s+at /, 'a stack trace helps nobody here');
  });
}

test('--help tells all options', async (t) => {
  const tool = cli(t, '--help');
  t.is(await tool.end(), 0);
  for (const option of [
    'port',
    'identity',
    'key',
    'hint',
    'private-key',
    'peer-key',
    'suites',
    'timeout',
    'help',
  ]) {
    t.true(tool.output.includes(`--${option}`), option);
  }
});
