// Runs the steps of a test run and reports them.

import { spawn } from 'node:child_process';
import { Complaint, display, root } from './project.mjs';

/** No step takes as long as this, in milliseconds: a test that hangs fails. */
const LONGEST_STEP_MS = 30 * 60 * 1000;

/** Runs a command and gives all its output, with whether it went well. */
function capture(command, options = {}) {
  const [program, ...args] = command;
  return new Promise((done) => {
    const child = spawn(program, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that what it started ends with it.
      detached: process.platform !== 'win32',
      ...options,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    const timer = setTimeout(() => {
      output += `\nended after ${LONGEST_STEP_MS / 60_000} minutes\n`;
      process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL');
    }, LONGEST_STEP_MS);
    child.on('error', (error) => {
      clearTimeout(timer);
      done({ ok: false, output: `${output}${program} cannot be run: ${error.message}\n` });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      done({ ok: code === 0, output });
    });
  });
}

/** The steps of a run, and the sum of its tests. */
export class Report {
  #passed = 0;
  #failed = 0;
  #failures = [];

  /** One step. `work` is given a function that runs a command and complains, with the output, if it fails. */
  async step(name, work) {
    const started = performance.now();
    process.stdout.write(`${name} ... `);
    const run = async (command, options) => {
      const { ok, output } = await capture(command, options);
      if (!ok) throw new Complaint(`${display(command)}\n${output}`);
      return output;
    };
    let complaint;
    try {
      await work(run);
    } catch (error) {
      complaint = error instanceof Complaint ? error.message : (error.stack ?? String(error));
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(complaint === undefined ? `ok (${seconds} s)` : `FAILED (${seconds} s)`);
    if (complaint !== undefined) {
      this.#failures.push(name);
      console.log(complaint.trimEnd());
    }
    return complaint === undefined;
  }

  /** A step that is one command. */
  async command(name, command) {
    return await this.step(name, async (run) => {
      await run(command);
    });
  }

  /** A step that runs tests, counted by `count` from the output. */
  async tests(name, command, count) {
    return await this.step(name, async () => {
      const { ok, output } = await capture(command);
      const { passed, failed } = count(output);
      this.#passed += passed;
      this.#failed += failed;
      if (!ok || failed > 0) throw new Complaint(`${display(command)}\n${output}`);
      if (passed === 0) throw new Complaint(`${display(command)}\n${output}\nNo test ran.`);
      process.stdout.write(`${passed} tests `);
    });
  }

  /** A step that cannot be done because of others that failed. */
  skipped(name, why) {
    console.log(`${name} ... FAILED (${why})`);
    this.#failures.push(name);
  }

  /** Prints the sum, and gives the exit code. */
  finish() {
    if (this.#failures.length > 0) console.log(`Failed: ${this.#failures.join(', ')}`);
    console.log(`${this.#passed} passed, ${this.#failed} failed`);
    return this.#failures.length > 0 || this.#failed > 0 || this.#passed === 0 ? 1 : 0;
  }
}
