// Instructions of one handshake and one record, counted by valgrind: the same on a busy machine as on an idle one. Without options it compares
// with the file, and fails where more than 10 % are added; with --update it writes the file.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensure } from './lib/peers.mjs';
import { Complaint, main, root, run } from './lib/project.mjs';

const FILE = join(root, 'bench/instructions.json');
const TOLERANCE = 0.1;

/** The work, and how often it is done. */
const WORK = {
  'handshake PSK_AES_128_CCM_8': 20,
  'handshake PSK_AES_128_GCM': 20,
  'handshake ECDHE_PSK_AES_128_GCM': 4,
  'handshake ECDHE_ECDSA_AES_128_GCM': 4,
  'record AES_128_GCM 64': 500,
  'record AES_128_GCM 1200': 500,
  'record AES_128_CCM_8 64': 500,
  'record AES_128_CCM_8 1200': 500,
  'record CHACHA20_POLY1305 64': 500,
};

/** Instructions of a run of the program. */
function count(folder, work, times) {
  const out = join(folder, 'callgrind.out');
  const program = join(root, 'target/release/bench-pair');
  // The program's function that all that counts happens in.
  const collect = '--toggle-collect=*counted*';
  const args = ['--tool=callgrind', '--quiet', collect, `--callgrind-out-file=${out}`, program, work, times];
  execFileSync('valgrind', args.map(String), { stdio: ['ignore', 'inherit', 'inherit'] });
  const [, total] = /^(?:summary|totals): (\d+)/m.exec(readFileSync(out, 'utf8')) ?? [];
  if (!(Number(total) > 0)) throw new Complaint(`valgrind has not counted: ${work}`);
  return Number(total);
}

function countAll() {
  const folder = mkdtempSync(join(tmpdir(), 'sock-dtls-'));
  try {
    const counts = {};
    for (const [work, times] of Object.entries(WORK)) {
      counts[work] = Math.round(count(folder, work, times) / times);
    }
    return counts;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await main(async () => {
  const update = process.argv.includes('--update');
  await ensure({ valgrind: 'valgrind' }, run, 'It counts the instructions.');
  await run(['cargo', 'build', '--release', '--quiet', '--package=bench-pair']);
  const known = JSON.parse(readFileSync(FILE, 'utf8'));
  const counts = countAll();
  const more = [];
  for (const [work, now] of Object.entries(counts)) {
    const before = known[work];
    const change = before === undefined ? 1 : now / before - 1;
    if (change > TOLERANCE) more.push(work);
    const sign = change > 0 ? '+' : '';
    console.log(
      `${work.padEnd(36)} ${String(now).padStart(9)}  ${before === undefined ? 'new' : `${sign}${(100 * change).toFixed(1)} %`}`,
    );
  }
  if (update) {
    writeFileSync(FILE, `${JSON.stringify(counts, null, 2)}\n`);
    return;
  }
  console.log(`${Object.keys(counts).length - more.length} passed, ${more.length} failed`);
  if (more.length > 0) {
    throw new Complaint(
      `More than ${100 * TOLERANCE} % instructions were added: ${more.join(', ')}.\nIf it is worth it: npm run instructions -- --update, and say why in the commit.`,
    );
  }
});
