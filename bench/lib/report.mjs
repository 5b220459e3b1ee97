// A run as text for the terminal, and as docs/benchmarks.md.

import { PLOTS } from './plots.mjs';
import { tables } from './tables.mjs';
import { targets } from './targets.mjs';

function aligned({ title, head, rows }) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
      .join('  ');
  return [title, line(head), ...rows.map(line)].join('\n');
}

/** All tables for a terminal. */
export function terminal(results) {
  return [...tables(results), targets(results)].map((table) => `\n${aligned(table)}`).join('\n');
}

function page({ title, head, rows, notes = [] }) {
  const line = (row) => `| ${row.join(' | ')} |`;
  const rule = `|---|${'---:|'.repeat(head.length - 1)}`;
  const plots = PLOTS.filter((plot) => plot.table === title).map(
    ({ file, alt }) => `![${alt}](benchmarks/${file})\n`,
  );
  return [
    `## ${title}\n`,
    ...plots,
    line(head),
    rule,
    ...rows.map(line),
    '',
    ...notes.map((note) => `${note}\n`),
  ].join('\n');
}

/** The page with all tables and plots. */
export function markdown(results, run) {
  const versions = Object.entries(run.versions).map(([name, version]) => `${name} ${version}`);
  return [
    '# Benchmarks\n',
    'Written by `npm run bench`: what stands here is one run, all subjects in turns, medians of five rounds or more with their spread.',
    'Ratios carry over to other machines better than the numbers do. `npm run bench -- --quick` gives rough ones in under three minutes, once everything is compiled.\n',
    `${run.date}, ${run.processor}, ${run.cores} cores, ${run.system}; ${run.seconds} s of measuring. ${versions.join(', ')}.\n`,
    ...[targets(results), ...tables(results)].map(page),
  ].join('\n');
}
