/**
 * Finds the compiled addon. CommonJS, so that one source serves both builds: an addon is loaded with `require`.
 *
 * @module
 */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The platforms that have a package of their own, as `process.platform`-`process.arch`, with the names of their builds. */
const builds: Readonly<Record<string, readonly string[]>> = {
  'linux-x64': ['linux-x64-gnu', 'linux-x64-musl'],
  'linux-arm64': ['linux-arm64-gnu', 'linux-arm64-musl'],
  'darwin-x64': ['darwin-x64'],
  'darwin-arm64': ['darwin-arm64'],
  'win32-x64': ['win32-x64-msvc'],
};

/** The folder of this package: the nearest one above with our package.json. */
function packageRoot(): string {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    try {
      const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string };
      if (name === 'sock-dtls') return folder;
    } catch {
      // No package.json here, or not one of ours: go on upwards.
    }
    if (folder === dirname(folder)) return __dirname;
  }
}

function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] ?? text;
}

function explain(platform: string, root: string, tried: readonly string[]): string {
  const lines = [
    `sock-dtls: the compiled addon for ${platform} cannot be loaded.`,
    ...tried.map((line) => `  ${line}`),
  ];
  if (existsSync(join(root, 'Cargo.toml'))) {
    lines.push(
      'This is a source checkout: build the addon with "npm run build" (needs Rust and a C compiler).',
    );
  } else if (builds[platform] === undefined) {
    lines.push(
      `There is no prebuilt addon for this platform. Prebuilt are: ${Object.keys(builds).join(', ')}.`,
    );
  } else {
    lines.push(
      'The prebuilt addon is an optional dependency, which the package manager may have left out. Install again with',
      '"npm install --include=optional sock-dtls", on the platform that the program runs on.',
    );
  }
  return lines.join('\n');
}

/**
 * Loads the addon: a local build in the package's folder first, then the package of the platform.
 *
 * @returns the addon's exports
 * @throws Error that tells what was tried and what to do
 */
export function loadAddon(): unknown {
  const platform = `${process.platform}-${process.arch}`;
  const root = packageRoot();
  const tried: string[] = [];
  for (const build of builds[platform] ?? [platform]) {
    const file = join(root, `sock-dtls.${build}.node`);
    if (existsSync(file)) {
      try {
        return require(file);
      } catch (error) {
        tried.push(`${file}: ${reason(error)}`);
      }
    }
    try {
      return require(`sock-dtls-${build}`);
    } catch (error) {
      tried.push(`sock-dtls-${build}: ${reason(error)}`);
    }
  }
  throw new Error(explain(platform, root, tried));
}
