// npm run fuzz: builds the fuzz targets on the stable compiler and runs each for a while, from the seeds in fuzz/seeds and
// what earlier runs have found. What makes one crash is kept in fuzz/artifacts.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { Complaint, hasCommand, main, root, run } from './lib/project.mjs';

const targets = ['record', 'message', 'connection'];

/** What cargo-fuzz hands to the compiler, but for the sanitizers, which only the nightly compiler has. */
const flags = [
  '--cfg fuzzing',
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
  '-Ccodegen-units=1',
];

function hostTriple() {
  const { stdout } = spawnSync('rustc', ['-vV'], { encoding: 'utf8' });
  const triple = /^host: (\S+)$/m.exec(stdout ?? '')?.[1];
  if (triple === undefined) throw new Complaint('rustc does not tell what it compiles for.');
  return triple;
}

async function build(triple) {
  // With a target of its own, build scripts and macros are not instrumented.
  await run(['cargo', 'build', '--release', '--locked', '--quiet', '--target', triple], {
    cwd: join(root, 'fuzz'),
    env: { ...process.env, RUSTFLAGS: flags.join(' ') },
  });
}

/** Runs a target; whether it came through. */
async function fuzz(target, triple, seconds) {
  const folder = (name) => {
    const path = join(root, 'fuzz', name, target);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const artifacts = `${folder('artifacts')}/`;
  const command = [
    join(root, 'fuzz/target', triple, 'release', target),
    `-max_total_time=${seconds}`,
    '-max_len=4096',
    '-timeout=10',
    '-rss_limit_mb=1024',
    '-verbosity=0',
    `-artifact_prefix=${artifacts}`,
    folder('corpus'),
    folder('seeds'),
  ];
  try {
    await run(command);
    console.log(`${target}: ${seconds} s without a finding`);
    return true;
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    console.log(
      `${target}: a finding, kept in ${relative(root, artifacts)}. Run the target with that file as its argument.`,
    );
    return false;
  }
}

await main(async () => {
  const { values, positionals } = parseArgs({
    options: { seconds: { type: 'string', default: '60' } },
    allowPositionals: true,
  });
  const seconds = Number(values.seconds);
  if (!Number.isInteger(seconds) || seconds < 1)
    throw new Complaint('--seconds takes a whole number from 1.');
  const unknown = positionals.find((name) => !targets.includes(name));
  if (unknown !== undefined) {
    throw new Complaint(`There is no fuzz target "${unknown}". There are: ${targets.join(', ')}.`);
  }
  for (const name of ['cargo', 'c++']) {
    if (!hasCommand(name)) throw new Complaint(`${name} is needed to build the fuzz targets.`);
  }
  const triple = hostTriple();
  await build(triple);
  let failed = 0;
  const chosen = positionals.length > 0 ? positionals : targets;
  for (const target of chosen) {
    if (!(await fuzz(target, triple, seconds))) failed++;
  }
  console.log(`${chosen.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
});
