// What tests and benchmarks need from the system: the implementations by others that the tests talk to, a C++ compiler for fuzzing,
// valgrind for counting.

import { spawnSync } from 'node:child_process';
import { Complaint, hasCommand } from './project.mjs';

/** Commands that the tests run, and the Debian packages that bring them. */
const peers = {
  openssl: 'openssl',
  'gnutls-cli': 'gnutls-bin',
  'gnutls-serv': 'gnutls-bin',
  'coap-client-openssl': 'libcoap3-bin',
  'coap-client-gnutls': 'libcoap3-bin',
  'coap-server-openssl': 'libcoap3-bin',
  'coap-server-gnutls': 'libcoap3-bin',
  'c++': 'g++',
  valgrind: 'valgrind',
};

/** Whether a command is there, or a C library that is written `pkg-config:name`. */
function isThere(name) {
  const library = /^pkg-config:(.*)$/.exec(name)?.[1];
  return library === undefined
    ? hasCommand(name)
    : spawnSync('pkg-config', ['--exists', library], { stdio: 'ignore' }).status === 0;
}

/**
 * Installs what is missing if this user may, and complains about what is missing still.
 *
 * @param wanted - commands and libraries, and the Debian packages that bring them
 * @param run - runs a command
 * @param why - who needs them, in a sentence
 */
export async function ensure(wanted, run, why) {
  const missing = () => Object.keys(wanted).filter((name) => !isThere(name));
  let absent = missing();
  if (absent.length === 0) return;
  const packages = [...new Set(absent.map((name) => wanted[name]))];
  if (process.getuid?.() === 0 && hasCommand('apt-get')) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run(['apt-get', 'update'], { env });
    await run(['apt-get', 'install', '-y', '--no-install-recommends', ...packages], { env });
    absent = missing();
    if (absent.length === 0) return;
  }
  throw new Complaint(
    [
      `Missing: ${absent.join(', ')}. ${why}`,
      `On Debian and Ubuntu: sudo apt-get update && sudo apt-get install -y ${packages.join(' ')}`,
    ].join('\n'),
  );
}

/** Sees to it that the peers are there. */
export async function ensurePeers(run) {
  await ensure(peers, run, 'The tests need them.');
}
