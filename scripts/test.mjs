// npm test: everything that has to hold. Installs what it needs, prints one line a step, the output of steps that fail, and
// at the end the sum of the tests. Exits with 0 only if all steps went well and tests ran.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePeers } from './lib/peers.mjs';
import { Complaint, checkTools, filesBelow, main, root, stale, tool } from './lib/project.mjs';
import { Report } from './lib/report.mjs';
import { buildAddon, buildExamples, buildTypescript, installPackages } from './lib/steps.mjs';

/** Seconds that each fuzz target runs. */
const FUZZ_SECONDS = 5;
/** Seconds that the storm of bad datagrams lasts; shorter when ava is run by hand. */
process.env.SOCK_DTLS_STORM_SECONDS ??= '60';

/** The most lines that a source file may have: a longer one has more than one reason to change. */
const LONGEST_FILE = 500;

/** Complains about source files that are too long. */
function checkLengths() {
  const sources = filesBelow([
    'crates',
    'fuzz/fuzz_targets',
    'bench',
    'lib',
    'examples',
    '__test__',
    'scripts',
    'index.ts',
  ]);
  const long = sources
    .filter((path) => /\.(rs|[cm]?ts|mjs)$/.test(path))
    .map((path) => ({ path, lines: readFileSync(join(root, path), 'utf8').split('\n').length - 1 }))
    .filter(({ lines }) => lines > LONGEST_FILE)
    .map(({ path, lines }) => `${path} has ${lines} lines`);
  if (long.length > 0)
    throw new Complaint(`Split what is longer than ${LONGEST_FILE} lines:\n${long.join('\n')}`);
}

/** Sums the tests that `cargo test` tells of: "test result: ok. 12 passed; 0 failed; 1 ignored; ...". */
function countCargo(output) {
  let passed = 0;
  let failed = 0;
  for (const [, ok, bad] of output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed;/gm)) {
    passed += Number(ok);
    failed += Number(bad);
  }
  return { passed, failed };
}

/** Sums the tests that ava tells of in TAP: "ok 1 - title", "not ok 2 - title". What was skipped did not pass. */
function countTap(output) {
  let passed = 0;
  let failed = 0;
  for (const [, not, rest] of output.matchAll(/^(not )?ok \d+(.*)$/gm)) {
    if (/# (SKIP|TODO)\b/.test(rest)) continue;
    if (not === undefined) passed++;
    else failed++;
  }
  return { passed, failed };
}

/** The sum as our own scripts tell it at their end: "3 passed, 0 failed". */
function countTotals(output) {
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(output) ?? [];
  return { passed: Number(passed ?? 0), failed: Number(failed ?? 0) };
}

function ava(...files) {
  return [...tool('ava'), '--tap', ...files];
}

await main(async () => {
  checkTools();
  const report = new Report();
  const packages = await report.step('npm packages', async (run) => {
    if (stale.packages()) await installPackages({ run });
  });
  if (!packages) throw new Complaint('Without its npm packages nothing can be tested.');

  await report.step('peers for the interoperability tests', ensurePeers);
  await report.step('file lengths', async () => checkLengths());
  await report.step('rustfmt', async (run) => {
    for (const workspace of ['.', 'fuzz', 'bench/engine']) {
      await run(['cargo', 'fmt', '--all', '--check', `--manifest-path=${workspace}/Cargo.toml`]);
    }
  });
  await report.command('clippy', [
    'cargo',
    'clippy',
    '--workspace',
    '--all-targets',
    '--quiet',
    '--',
    '-D',
    'warnings',
  ]);
  await report.tests('cargo test', ['cargo', 'test', '--workspace', '--no-fail-fast'], countCargo);
  await report.command('types', [...tool('typescript', 'tsc'), '--noEmit']);
  await report.command('lint', [...tool('@biomejs/biome', 'biome'), 'ci', '.']);

  const instructions = [process.execPath, join(root, 'scripts/instructions.mjs')];
  await report.tests('instruction counts', instructions, countTotals);

  const addon = await report.step('the addon', async (run) => {
    if (stale.addon()) await buildAddon({ run });
  });
  const typescript = await report.step('the TypeScript', async (run) => {
    await buildTypescript({ run });
    await buildExamples({ run });
  });
  if (addon && typescript) {
    await report.tests('ava', ava(), countTap);
  } else {
    report.skipped('ava', 'there is nothing to test');
  }
  const fuzz = [process.execPath, join(root, 'scripts/fuzz.mjs'), `--seconds=${FUZZ_SECONDS}`];
  await report.tests('fuzzing', fuzz, countTotals);
  return report.finish();
});
