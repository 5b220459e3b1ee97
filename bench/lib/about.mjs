// What a run was made with: versions, processor, date.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release } from 'node:os';
import { join } from 'node:path';
import { root } from '../../scripts/lib/project.mjs';

function version(command, ...args) {
  return execFileSync(command, args, { encoding: 'utf8' }).split('\n', 1)[0].trim();
}

/** The version of an npm package. */
function npmVersion(folder, name) {
  const require = createRequire(join(root, folder, 'package.json'));
  const [manifest] = require.resolve.paths(name).flatMap((path) => {
    try {
      return [JSON.parse(readFileSync(join(path, name, 'package.json'), 'utf8'))];
    } catch {
      return [];
    }
  });
  return manifest?.version ?? 'missing';
}

/** The version of a crate of the benchmark. */
function crateVersion(name) {
  const lock = readFileSync(join(root, 'bench/engine/Cargo.lock'), 'utf8');
  return new RegExp(`name = "${name}"\\nversion = "([^"]+)"`).exec(lock)?.[1] ?? 'missing';
}

export function about() {
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    system: `${process.platform} ${release()}`,
    versions: {
      'sock-dtls': JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
      'Node.js': process.versions.node,
      rustc: version('rustc', '--version').split(' ')[1],
      OpenSSL: version('openssl', 'version').split(' ')[1],
      'dtls (webrtc-dtls)': crateVersion('dtls'),
      dimpl: crateVersion('dimpl'),
      'aws-lc-rs': crateVersion('aws-lc-rs'),
      'node-dtls-client': npmVersion('.', 'node-dtls-client'),
      'werift-dtls': npmVersion('bench', 'werift-dtls'),
      '@nodertc/dtls': npmVersion('bench', '@nodertc/dtls'),
    },
  };
}
