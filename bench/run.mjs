// npm run bench: sock-dtls beside everything that could be used instead, in one run. With --quick in under three minutes, less exact, and
// without renewing docs/benchmarks.md.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensure } from '../scripts/lib/peers.mjs';
import { Complaint, checkTools, main, npm, root, run, stale } from '../scripts/lib/project.mjs';
import { buildAddon, buildTypescript, installPackages } from '../scripts/lib/steps.mjs';
import { about } from './lib/about.mjs';
import { FULL, measureAll, QUICK, steps } from './lib/measure.mjs';
import { buildEngine, endAll } from './lib/processes.mjs';
import { Progress } from './lib/progress.mjs';
import { Results } from './lib/results.mjs';

/** What must be there to compile against OpenSSL, and the Debian packages that bring it. */
const TOOLS = {
  'pkg-config': 'pkg-config',
  'pkg-config:openssl': 'libssl-dev',
  openssl: 'openssl',
  taskset: 'util-linux',
};

async function prepare() {
  checkTools();
  await ensure(TOOLS, run, 'The benchmark needs them.');
  if (stale.packages()) await installPackages();
  await run([...npm(), 'install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: join(root, 'bench'),
  });
  if (stale.addon()) await buildAddon();
  await buildTypescript();
  console.error('Compiling what is compared with ...');
  buildEngine();
}

/** A report as JSON, a result a line. */
function asJson({ results, failures, ...about }) {
  const lines = (all) => all.map((one) => `\n  ${JSON.stringify(one)}`).join(',');
  const head = JSON.stringify(about, null, 1).slice(0, -2);
  return `${head},\n "failures": [${lines(failures)}],\n "results": [${lines(results)}\n ]\n}\n`;
}

await main(async () => {
  const unknown = process.argv.slice(2).filter((word) => word !== '--quick');
  if (unknown.length > 0) throw new Complaint(`There is no option ${unknown[0]}; npm run bench -- --quick`);
  const quick = process.argv.includes('--quick');
  const plan = quick ? QUICK : FULL;
  await prepare();
  const results = new Results();
  const progress = new Progress(steps(plan));
  const begin = Date.now();
  try {
    await measureAll(plan, results, (what) => progress.step(what));
  } finally {
    progress.end();
    endAll();
  }
  const seconds = Math.round((Date.now() - begin) / 1000);
  const report = { ...about(), quick, seconds, results: results.all, failures: results.failures };
  const { markdown, terminal } = await import('./lib/report.mjs');
  console.log(terminal(results));
  for (const { group, row, subject, failure } of results.failures) {
    console.log(`Failed ${group}: ${subject}, ${row}: ${failure}`);
  }
  const folder = quick ? join(root, 'target/bench') : join(root, 'docs/benchmarks');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'results.json'), asJson(report));
  if (!quick) {
    const { drawAll } = await import('./lib/plots.mjs');
    drawAll(results, folder);
    writeFileSync(join(root, 'docs/benchmarks.md'), markdown(results, report));
  }
  console.log(`\n${seconds} s of measuring. Results: ${join(folder, 'results.json')}`);
});
