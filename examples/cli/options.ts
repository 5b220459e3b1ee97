/**
 * The command line of `npm start`.
 */

import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { CIPHER_SUITES, DTLS_DEFAULT_PORT } from 'sock-dtls';

/** An error of the person at the keyboard: its message says what to do, a stack trace would not help. */
export class UsageError extends Error {}

/** A PSK of the command line. */
export interface PskOption {
  identity: string;
  key: Uint8Array;
}

/** What the command line says. */
export interface Options {
  command: 'demo' | 'server' | 'client' | 'help';
  /** Client: where to connect to. */
  host: string;
  /** The server's port; the client's own, 0 for any, is `localPort`. */
  port: number;
  localPort: number;
  psks: PskOption[];
  hint: string | null;
  privateKeyFile: string | null;
  peerKeyFiles: string[];
  suites: string[] | null;
  timeoutMs: number;
  message: string | null;
}

export const HELP = `An encrypted echo over UDP (DTLS 1.2), with RIOT's sock API.

  npm start                                     server and client, one process each, and what they say
  npm start -- server [options]                 a server that echoes every message until it is stopped
  npm start -- client HOST [PORT] [options]     sends lines of the standard input, prints the echo

Options:
  --port NUMBER        server: the port, ${DTLS_DEFAULT_PORT} if not given; client: its own port
  --identity ID        identity of a pre-shared key; may be repeated, each with a --key
  --key HEX            that key, in hexadecimal digits
  --hint TEXT          server: tells its clients which identity to use; client: the hint that its keys are for
  --private-key FILE   private key for raw public keys (P-256): PEM or DER, PKCS#8 or SEC1
  --peer-key FILE      public key of a peer: PEM or DER; may be repeated. No other peers are accepted then
  --suites A,B,...     cipher suites, the preferred one first
  --timeout SECONDS    client: how long to wait for the handshake and for each echo, 10 if not given
  --message TEXT       client: sends this one message instead of the standard input
  --help               this text

Without a key, both sides use the examples' pre-shared key: good for a first try, secret to nobody.
Keys for raw public keys: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem
                          openssl pkey -in key.pem -pubout -out key.pub.pem`;

function parsePort(name: string, text: string, lowest: number): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < lowest || port > 65535) {
    throw new UsageError(`${name} must be a number from ${lowest} to 65535, not "${text}".`);
  }
  return port;
}

function parsePsks(identities: readonly string[], keys: readonly string[]): PskOption[] {
  if (identities.length !== keys.length) {
    throw new UsageError(
      `Each --identity needs its --key: there are ${identities.length} identities and ${keys.length} keys.`,
    );
  }
  return identities.map((identity, i) => {
    const text = keys[i] ?? '';
    if (!/^([0-9a-f]{2})+$/i.test(text)) {
      throw new UsageError(
        `--key must be hexadecimal, two digits a byte, not "${text}". For a key that is text: printf %s TEXT | xxd -p`,
      );
    }
    return { identity, key: Buffer.from(text, 'hex') };
  });
}

function parseSuites(text: string | undefined): string[] | null {
  if (text === undefined) return null;
  const suites = text.split(',').map((name) => name.trim().toUpperCase().replaceAll('-', '_'));
  for (const suite of suites) {
    if (!Object.hasOwn(CIPHER_SUITES, suite)) {
      throw new UsageError(
        `There is no suite "${suite}". Known:\n  ${Object.keys(CIPHER_SUITES).join('\n  ')}`,
      );
    }
  }
  return suites;
}

function parseTimeout(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0) || !Number.isFinite(seconds)) {
    throw new UsageError(`--timeout must be a number of seconds above 0, not "${text}".`);
  }
  return seconds * 1000;
}

function parseStrings(args: readonly string[]) {
  const string = { type: 'string' } as const;
  const strings = { type: 'string', multiple: true, default: [] as string[] } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        port: string,
        identity: strings,
        key: strings,
        hint: string,
        'private-key': string,
        'peer-key': strings,
        suites: string,
        timeout: string,
        message: string,
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    const [reason = ''] = (error as Error).message.split(/\.\s/);
    throw new UsageError(`${reason.replace(/\.$/, '')}.\nnpm start -- --help shows all options.`);
  }
}

/**
 * Reads the command line.
 *
 * @throws UsageError for anything that is not understood
 */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseStrings(args);
  const [command = 'demo', host, port, ...rest] = positionals;
  if (command !== 'demo' && command !== 'server' && command !== 'client') {
    throw new UsageError(`"${command}" is not understood: say server or client, or --help.`);
  }
  if (command === 'client' && host === undefined && !values.help) {
    throw new UsageError('Which host? npm start -- client HOST [PORT]');
  }
  const extra = command === 'client' ? rest : positionals.slice(1);
  if (extra.length > 0) throw new UsageError(`"${extra.join(' ')}" is not understood. Try --help.`);
  if (values['peer-key'].length > 0 && values['private-key'] === undefined) {
    throw new UsageError('--peer-key needs a --private-key: raw public keys are for both sides.');
  }
  const ownPort = values.port === undefined ? null : parsePort('--port', values.port, 0);
  const serverPort = port === undefined ? DTLS_DEFAULT_PORT : parsePort('PORT', port, 1);
  return {
    command: values.help ? 'help' : command,
    host: host ?? '',
    port: command === 'client' ? serverPort : (ownPort ?? DTLS_DEFAULT_PORT),
    localPort: ownPort ?? 0,
    psks: parsePsks(values.identity, values.key),
    hint: values.hint ?? null,
    privateKeyFile: values['private-key'] ?? null,
    peerKeyFiles: values['peer-key'],
    suites: parseSuites(values.suites),
    timeoutMs: parseTimeout(values.timeout ?? '10'),
    message: values.message ?? null,
  };
}

/** An address and port as text: `192.0.2.1:20220`, `[::1]:20220`. */
export function hostPort(host: string, port: number): string {
  return isIP(host) === 6 || host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
