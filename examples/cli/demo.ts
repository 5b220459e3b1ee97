/**
 * `npm start`: a server and a client, in a process each, and a transcript of what they say.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Options, UsageError } from './options.js';

/** How long the server may take to listen, in milliseconds. */
const STARTUP_MS = 20_000;

const program = fileURLToPath(new URL('main.js', import.meta.url));
const keyFile = (name: string): string =>
  relative(process.cwd(), fileURLToPath(new URL(`../../../examples/keys/${name}`, import.meta.url)));

const psk = ['--identity', 'secretID', '--key', Buffer.from('secretPSK').toString('hex')];
const serverKeys = ['--private-key', keyFile('server.pem'), '--peer-key', keyFile('client.pub.pem')];
const clientKeys = ['--private-key', keyFile('client.pem'), '--peer-key', keyFile('server.pub.pem')];

const useColour = process.stdout.isTTY && process.env.NO_COLOR === undefined;

function paint(colour: number, text: string): string {
  return useColour ? `\x1b[${colour}m${text}\x1b[0m` : text;
}

/** One of the two programs, its output shown with its name in front. */
class Actor {
  readonly #child: ChildProcess;
  /** Everything that it has printed. */
  readonly lines: string[] = [];
  readonly ended: Promise<number>;
  #onLine: () => void = () => {};

  constructor(name: string, colour: number, args: readonly string[]) {
    const words = args.map((word) => (word.includes(' ') ? `'${word}'` : word));
    console.log(paint(2, `  $ npm start -- ${words.join(' ')}`));
    this.#child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const label = paint(colour, name.padEnd(6));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        console.log(`  ${label} | ${line}`);
        this.lines.push(line);
        this.#onLine();
      });
    }
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code) => resolve(code ?? 1));
      this.#child.on('error', () => resolve(1));
    });
  }

  /** Waits for a line; false if the program ends without it, or is too slow. */
  async says(pattern: RegExp): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const seen = new Promise<boolean>((resolve) => {
      this.#onLine = () => {
        if (this.lines.some((line) => pattern.test(line))) resolve(true);
      };
      this.#onLine();
      timer = setTimeout(() => resolve(false), STARTUP_MS);
    });
    const result = await Promise.race([seen, this.ended.then(() => false)]);
    clearTimeout(timer);
    return result;
  }

  /** Asks it to end; the exit code. */
  async stop(): Promise<number> {
    this.#child.kill('SIGTERM');
    return await this.ended;
  }
}

/** One act: a client connects, and gets its message back. */
async function act(
  title: string,
  port: number,
  message: string,
  credentials: readonly string[],
): Promise<boolean> {
  console.log(`\n${paint(1, title)}`);
  const args = ['client', '::1', String(port), '--message', message, ...credentials];
  const client = new Actor('client', 36, args);
  const code = await client.ended;
  return (
    code === 0 && client.lines.some((line) => line.startsWith('Received ') && line.includes(`"${message}"`))
  );
}

/** Plays both acts; the exit code: 0 if both echoes were right. */
export async function runDemo(options: Options): Promise<number> {
  if (options.port === 0) throw new UsageError('Say which port: the client has to know it.');
  console.log('sock-dtls: an encrypted echo over UDP, between two processes on this machine.');
  console.log(`\n${paint(1, 'The server')}`);
  const server = new Actor('server', 33, ['server', '--port', String(options.port), ...psk, ...serverKeys]);
  const stop = (): void => void server.stop();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  if (!(await server.says(/^Listening /))) {
    await server.stop();
    console.error(
      server.lines.some((line) => line.includes('is taken'))
        ? `\nTry another port: npm start -- --port ${options.port === 65535 ? 20221 : options.port + 1}`
        : '\nThe server did not start.',
    );
    return 1;
  }
  const acts = [
    await act('A client with a pre-shared key', options.port, 'HELLO', psk),
    await act('A client with a raw public key', options.port, 'HELLO AGAIN', clientKeys),
  ];
  console.log(`\n${paint(1, 'The end')}`);
  const stopped = await server.stop();
  const good = stopped === 0 && acts.every(Boolean);
  console.log(
    good
      ? paint(32, '\nBoth messages came back unchanged.')
      : paint(31, '\nSomething went wrong, see above.'),
  );
  if (good) {
    console.log(
      'Try it yourself: run "npm start -- server" here, and "npm start -- client ::1" in another terminal.',
    );
    console.log('All options: npm start -- --help');
  }
  return good ? 0 : 1;
}
