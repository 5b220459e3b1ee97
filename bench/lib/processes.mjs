// The processes that a benchmark runs, and questions to them.

import { execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const here = import.meta.dirname;
const engineFolder = join(here, '../engine');
export const program = join(engineFolder, 'target/release/bench-engine');

/** Compiles the engines' part. */
export function buildEngine() {
  const manifest = join(engineFolder, 'Cargo.toml');
  execFileSync('cargo', ['build', '--release', '--quiet', `--manifest-path=${manifest}`], {
    stdio: 'inherit',
  });
}

const running = new Set();

function track(child) {
  running.add(child);
  child.on('exit', () => running.delete(child));
  return child;
}

/** Ends all that still run; they are ours. */
export function endAll() {
  for (const child of running) child.kill();
}

/** The engines' part as a process whose lines are JSON. */
export class Engine {
  #child;
  #lines;

  constructor(args, { core } = {}) {
    const words = core === undefined ? [program, ...args] : ['taskset', '-c', core, program, ...args];
    this.#child = track(spawn(words[0], words.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] }));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The next result, null at the end. */
  async next() {
    const { value, done } = await this.#lines.next();
    return done ? null : JSON.parse(value);
  }

  /** A question, and its answer. */
  async ask(line) {
    this.#child.stdin.write(`${line}\n`);
    const answer = await this.next();
    if (answer === null) throw new Error(`the load generator ended at "${line}"`);
    return answer;
  }

  end() {
    this.#child.kill();
  }

  /** All results of a process that ends by itself. */
  static async results(args, { each = () => {}, core } = {}) {
    const engine = new Engine(args, { core });
    const all = [];
    for (;;) {
      const result = await engine.next();
      if (result === null) return all;
      all.push(result);
      each(result);
    }
  }
}

/** A Node process of this benchmark. */
export class Node {
  #child;

  constructor(file, args, { core } = {}) {
    const pinned = core === undefined ? {} : { execPath: 'taskset' };
    const node = core === undefined ? [] : ['-c', core, process.execPath];
    const env = { ...process.env, NODE_NO_WARNINGS: '1' };
    const execArgv = [...node, '--expose-gc'];
    this.#child = track(fork(join(here, '../node', file), args, { ...pinned, env, execArgv }));
  }

  /** What it tells next; an error when that takes too long, or when it ends. */
  async next(patience = 60_000) {
    const over = new AbortController();
    const late = setTimeout(() => over.abort(new Error(`no answer in ${patience} ms`)), patience);
    const { signal } = over;
    const ended = once(this.#child, 'exit', { signal }).then(() => {
      throw new Error('the process ended');
    });
    // Settles when the race is over, and nobody listens then.
    ended.catch(() => {});
    try {
      const [answer] = await Promise.race([once(this.#child, 'message', { signal }), ended]);
      return answer;
    } finally {
      clearTimeout(late);
      over.abort();
    }
  }

  ask(question, patience) {
    const answer = this.next(patience);
    this.#child.send(question);
    return answer;
  }

  end() {
    this.#child.kill();
  }
}
