// The steps that bring a checkout up to date. Their option `run` is what runs a command; without it, the command has our
// input and output.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addons, npm, root, run as runDirectly, tool, touch } from './project.mjs';

/**
 * Not `npm ci`: that wants the lock file to name the optional packages of every platform, those that a registry does not
 * have among them. This installs the locked versions, too, and leaves the lock file alone.
 */
const INSTALL = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];

/** Installs the npm packages that the lock file names. */
export async function installPackages({ run = runDirectly } = {}) {
  await run([...npm(), ...INSTALL]);
}

/** Compiles the addon, optimized, into the package's folder. */
export async function buildAddon({ run = runDirectly } = {}) {
  mkdirSync(join(root, 'target'), { recursive: true });
  await run([
    ...tool('@napi-rs/cli', 'napi'),
    'build',
    '--release',
    '--platform',
    '--manifest-path=crates/dtls-node/Cargo.toml',
    '--package-json-path=package.json',
    '--output-dir=.',
    '--no-js',
    '--dts=target/addon.d.ts',
  ]);
  for (const addon of addons()) touch(addon);
}

/** Compiles the TypeScript: ES modules, CommonJS and declarations. */
export async function buildTypescript({ run = runDirectly } = {}) {
  for (const format of ['esm', 'cjs']) {
    rmSync(join(root, 'dist', format), { recursive: true, force: true });
    await run([...tool('typescript', 'tsc'), '--project', `tsconfig.${format}.json`]);
    const type = format === 'esm' ? 'module' : 'commonjs';
    writeFileSync(join(root, 'dist', format, 'package.json'), `{ "type": "${type}" }\n`);
  }
}

/** Compiles the examples, against the package as a program sees it. */
export async function buildExamples({ run = runDirectly } = {}) {
  rmSync(join(root, 'dist/examples'), { recursive: true, force: true });
  await run([...tool('typescript', 'tsc'), '--project', 'tsconfig.examples.json']);
  // No package.json of its own: it would hide ours, by which the examples find the package.
  writeFileSync(join(root, 'dist/examples/.built'), '');
}
