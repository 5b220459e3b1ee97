// What the scripts share: where things are, whether they are up to date, and how to run a command. Node alone, because
// these run before anything is installed.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** An error whose message is all that a person needs to see. */
export class Complaint extends Error {}

/** Runs the main function of a script: complaints are printed, the exit code is set. */
export async function main(run) {
  try {
    process.exitCode = (await run()) ?? 0;
  } catch (error) {
    console.error(error instanceof Complaint ? error.message : error);
    process.exitCode = 1;
  }
}

/** The files at and below the given paths, relative to the root; what was installed or built is left out. */
export function filesBelow(paths) {
  return paths.flatMap((path) => {
    const stat = statSync(join(root, path), { throwIfNoEntry: false });
    if (stat === undefined) return [];
    if (!stat.isDirectory()) return [path];
    if (/(^|[\\/])(node_modules|target|dist)$/.test(path)) return [];
    return filesBelow(readdirSync(join(root, path)).map((name) => join(path, name)));
  });
}

/** The newest modification time at and below the given paths, in milliseconds; 0 if there is nothing. */
export function newest(paths, wanted = () => true) {
  const times = filesBelow(paths)
    .filter(wanted)
    .map((path) => statSync(join(root, path)).mtimeMs);
  return Math.max(0, ...times);
}

/** The addon files of this platform, as the build and the loader name them. */
export function addons() {
  const prefix = `sock-dtls.${process.platform}-${process.arch}`;
  return readdirSync(root).filter((name) => name.startsWith(prefix) && name.endsWith('.node'));
}

/** What has to be done before the package can be used from this checkout. */
export const stale = {
  packages() {
    const installed = newest(['node_modules/.package-lock.json']);
    return installed === 0 || installed < newest(['package-lock.json']);
  },
  addon() {
    const sources = newest(['Cargo.toml', 'Cargo.lock', 'crates'], (path) => /\.(rs|toml|lock)$/.test(path));
    const built = addons().map((name) => newest([name]));
    return built.length === 0 || Math.max(...built) < sources;
  },
  typescript() {
    const sources = newest(['index.ts', 'lib', 'package.json', 'tsconfig.base.json', 'tsconfig.esm.json']);
    return newest(['dist/cjs/package.json']) < Math.max(sources, newest(['tsconfig.cjs.json']));
  },
  examples() {
    const sources = newest(['examples', 'tsconfig.examples.json', 'dist/cjs/package.json']);
    return newest(['dist/examples/.built']) < sources;
  },
};

/** Marks a file as written now. */
export function touch(path) {
  const now = new Date();
  utimesSync(join(root, path), now, now);
}

/** Whether a command can be run. */
export function hasCommand(name) {
  const finder = process.platform === 'win32' ? 'where' : 'which';
  return spawnSync(finder, [name], { stdio: 'ignore' }).status === 0;
}

/** The command line of a tool that an npm package brings: its JavaScript, run by this Node. */
export function tool(packageName, name = packageName) {
  const folder = join(root, 'node_modules', packageName);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const bin = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[name];
  return [process.execPath, join(folder, bin)];
}

/** How to call npm. npm tells the scripts that it runs where it is. */
export function npm() {
  const script = process.env.npm_execpath;
  if (script !== undefined && /\.c?js$/.test(script) && existsSync(script)) return [process.execPath, script];
  return ['npm'];
}

/** Runs a command with our input and output, and complains if it fails. */
export function run(command, options = {}) {
  const [program, ...args] = command;
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      cwd: root,
      stdio: 'inherit',
      shell: process.platform === 'win32' && program === 'npm',
      ...options,
    });
    child.on('error', (error) => fail(new Complaint(`${program} cannot be run: ${error.message}`)));
    child.on('exit', (code, signal) => {
      if (code === 0) done();
      else fail(new Complaint(`${display(command)} ended with ${signal ?? `exit code ${code}`}.`));
    });
  });
}

/** A command as a person would type it. */
export function display(command) {
  return command
    .map((part) => (part === process.execPath ? 'node' : part.startsWith(root) ? relative(root, part) : part))
    .join(' ');
}

/** Complains unless this Node and the tools for the build are there. */
export function checkTools() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) {
    throw new Complaint(`Node.js 20 or later is needed; this is ${process.versions.node}.`);
  }
  if (stale.addon() && !hasCommand('cargo')) {
    throw new Complaint('The addon has to be built, which needs Rust (https://rustup.rs) and a C compiler.');
  }
}
