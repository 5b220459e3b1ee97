/**
 * Other people's programs, as child processes.
 */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { WAIT_MS, Watched } from './waiting.js';

/** The Debian packages that bring the programs. */
const PACKAGES: Readonly<Record<string, string>> = {
  openssl: 'openssl',
  'gnutls-cli': 'gnutls-bin',
  'gnutls-serv': 'gnutls-bin',
  'coap-client-openssl': 'libcoap3-bin',
  'coap-client-gnutls': 'libcoap3-bin',
  'coap-server-openssl': 'libcoap3-bin',
  'coap-server-gnutls': 'libcoap3-bin',
};

/** The part of ava's context that helpers use: what is given to it is done when the test is over. */
export interface Teardown {
  teardown(fn: () => unknown): void;
}

const running = new Set<ChildProcessWithoutNullStreams>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A program that runs. What it writes to its standard output and standard error is kept. */
export class Tool {
  readonly command: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #watched = new Watched();
  #output = '';
  #error: Error | null = null;
  #ended: { code: number | null; signal: NodeJS.Signals | null } | null = null;

  private constructor(command: string, args: readonly string[], cwd: string | undefined) {
    this.command = [command, ...args].join(' ');
    this.#child = spawn(command, args, cwd === undefined ? {} : { cwd });
    running.add(this.#child);
    const keep = (chunk: string): void => {
      this.#output += chunk;
      this.#watched.changed();
    };
    this.#child.stdout.setEncoding('utf8').on('data', keep);
    this.#child.stderr.setEncoding('utf8').on('data', keep);
    // A program that has ended takes no input: who waits for its output learns that.
    this.#child.stdin.on('error', () => {});
    this.#child.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error.code === 'ENOENT' ? missing(command) : error;
      this.#ended ??= { code: null, signal: null };
      running.delete(this.#child);
      this.#watched.changed();
    });
    this.#child.on('close', (code, signal) => {
      this.#ended ??= { code, signal };
      running.delete(this.#child);
      this.#watched.changed();
    });
  }

  /**
   * Starts a program; it is stopped when the test is over.
   *
   * @param t - the test
   * @param command - its name
   * @param args - its arguments
   * @param cwd - the folder to run in
   */
  static start(t: Teardown, command: string, args: readonly string[], cwd?: string): Tool {
    const tool = new Tool(command, args, cwd);
    t.teardown(() => tool.stop());
    return tool;
  }

  /** Runs a program to its end, which must be a good one; gives what it wrote. */
  static async run(t: Teardown, command: string, args: readonly string[], cwd?: string): Promise<string> {
    const tool = Tool.start(t, command, args, cwd);
    const code = await tool.end();
    if (code !== 0) throw new Error(`${tool.command} ended with ${code}:\n${tool.output}`);
    return tool.output;
  }

  /** All that it has written. */
  get output(): string {
    return this.#output;
  }

  /**
   * Waits for a pattern in what the program has written since it started.
   *
   * @returns the match
   */
  waitFor(pattern: RegExp, ms = WAIT_MS): Promise<RegExpExecArray> {
    return this.#watched.until(
      () => {
        const match = pattern.exec(this.#output);
        if (match !== null) return match;
        if (this.#error !== null) throw this.#error;
        if (this.#ended === null) return undefined;
        throw new Error(`${this.command} ended without ${pattern}:\n${this.#output}`);
      },
      () => `${this.command} did not write ${pattern}:\n${this.#output}`,
      ms,
    );
  }

  /** Waits for its end: the exit code, null when a signal ended it. */
  async end(ms = WAIT_MS): Promise<number | null> {
    const ended = await this.#watched.until(
      () => this.#ended ?? undefined,
      () => `${this.command} did not end:\n${this.#output}`,
      ms,
    );
    if (this.#error !== null) throw this.#error;
    return ended.code;
  }

  /** Sends a line to its standard input. */
  writeLine(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Closes its standard input. */
  endInput(): void {
    this.#child.stdin.end();
  }

  /** Ends it, by force if it takes longer than two seconds, and waits for that. */
  async stop(): Promise<void> {
    if (this.#ended !== null) return;
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), 2000);
    await this.#watched.until(
      () => this.#ended ?? undefined,
      () => `${this.command} cannot be stopped`,
    );
    clearTimeout(force);
  }
}

function missing(command: string): Error {
  const packaged = PACKAGES[command];
  return new Error(
    packaged === undefined
      ? `${command} is not installed`
      : `${command} is not installed: on Debian and Ubuntu it is in the package ${packaged} (apt-get install ${packaged})`,
  );
}
