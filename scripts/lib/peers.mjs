// What the tests need from the system: the implementations by others that they talk to, and a C++ compiler for fuzzing.

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
};

function missing() {
  return [...new Set(Object.keys(peers).filter((name) => !hasCommand(name)))];
}

/** Installs the peers that are missing if this user may, and complains about those that are missing still. */
export async function ensurePeers(run) {
  let absent = missing();
  if (absent.length === 0) return;
  const packages = [...new Set(absent.map((name) => peers[name]))];
  if (process.getuid?.() === 0 && hasCommand('apt-get')) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run(['apt-get', 'update'], { env });
    await run(['apt-get', 'install', '-y', '--no-install-recommends', ...packages], { env });
    absent = missing();
    if (absent.length === 0) return;
  }
  throw new Complaint(
    [
      `Missing: ${absent.join(', ')}. The tests need them.`,
      `On Debian and Ubuntu: sudo apt-get update && sudo apt-get install -y ${packages.join(' ')}`,
    ].join('\n'),
  );
}
