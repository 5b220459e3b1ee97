// What was aimed at, and what came of it.

import { median, ratio, short } from './results.mjs';

const NATIVE = 'sock-dtls native';

export function targets(results) {
  const times = (group, row, other, extra) =>
    (results.value(group, row, NATIVE, extra) ?? Number.NaN) /
    (results.value(group, row, other, extra) ?? Number.NaN);
  const rows = [];
  const add = (what, aim, got, holds) =>
    rows.push([what, aim, got, Number.isNaN(holds) ? '-' : holds ? 'yes' : 'no']);
  const factor = (what, aim, value) =>
    add(what, `${aim} x`, Number.isNaN(value) ? '-' : ratio(value, 1), value >= aim);

  const psk = 'PSK_AES_128_CCM_8';
  factor(`handshakes ${psk}: OpenSSL`, 4, times('handshakes', psk, 'OpenSSL'));
  factor(`handshakes ${psk}: webrtc-dtls`, 12, times('handshakes', psk, 'webrtc-dtls'));
  factor(`handshakes ${psk}: dimpl`, 2, times('handshakes', psk, 'dimpl'));
  for (const side of ['server authenticated', 'mutual']) {
    const row = `ECDHE_ECDSA_AES_128_GCM, ${side}`;
    factor(`handshakes ECDHE_ECDSA, ${side}: OpenSSL`, 3, times('handshakes', row, 'OpenSSL'));
    factor(`handshakes ECDHE_ECDSA, ${side}: the primitives alone`, 0.75, times('handshakes', row, 'floor'));
  }
  for (const aead of ['AES_128_GCM', 'AES_128_CCM_8']) {
    const [small, large] = [{ length: 64 }, { length: 1200 }];
    factor(`seal and open 64 B, ${aead}: OpenSSL`, 2.5, times('seal and open', aead, 'OpenSSL', small));
    factor(`seal and open 64 B, ${aead}: webrtc-dtls`, 9, times('seal and open', aead, 'webrtc-dtls', small));
    const aim = aead === 'AES_128_GCM' ? 2 : 1;
    factor(`seal and open 1200 B, ${aead}: OpenSSL`, aim, times('seal and open', aead, 'OpenSSL', large));
  }
  const allocations = results.find('seal and open', 'AES_128_GCM', NATIVE, { length: 64 })?.allocations;
  add('allocations a record', '0', short(allocations), allocations === 0);
  const bytes = Math.max(results.value('idle', 'Gcm', NATIVE), results.value('idle', 'Ccm8', NATIVE));
  add('idle session of a server, resident bytes', 'under 2,000', short(bytes), bytes < 2000);

  const node = (group, row, auth, other, otherAuth) =>
    (results.value(group, row, NATIVE, { auth }) ?? Number.NaN) /
    (results.value(group, row, other, { auth: otherAuth }) ?? Number.NaN);
  const dgram = (group, row) => node(group, row, 'psk', 'node:dgram', 'in clear');
  const alone = 'echo 64 B, one at a time';
  for (const side of ['client', 'server']) {
    factor(`Node.js, ${side}, echo one at a time: node:dgram`, 1, dgram(`as ${side}`, alone));
  }
  for (const length of ['64 B', '1200 B']) {
    const row = `one way ${length}`;
    factor(`Node.js, server, received ${row}: node:dgram`, 1.5, dgram('as server', row));
  }
  const client = (row, other, auth = 'psk', otherAuth = auth) =>
    node('as client', row, auth, other, otherAuth);
  const C = 'OpenSSL in C';
  factor(`Node.js, client, sends: ${C}`, 1.5, client('one way 64 B', C));
  factor(`Node.js, client, PSK handshakes: ${C}`, 1, client('handshakes', C));
  const rawKeys = (other) => client('handshakes', other, 'raw keys', 'certificate');
  factor(`Node.js, client, ECDSA handshakes: ${C}`, 1, rawKeys(C));
  factor('Node.js, client, PSK handshakes: node-dtls-client', 3, client('handshakes', 'node-dtls-client'));
  factor('Node.js, client, ECDSA handshakes: werift-dtls', 4, rawKeys('werift-dtls'));
  factor('Node.js, client, sends: node-dtls-client', 5, client('one way 64 B', 'node-dtls-client'));
  factor('Node.js, client, echo one at a time: node-dtls-client', 1.7, client(alone, 'node-dtls-client'));

  for (const where of ['in memory', 'over loopback']) {
    const { rounds, kept } = results.find('hellos', `answered, ${where}`, NATIVE);
    const answered = median(rounds);
    add(`spoofed hellos answered on one core, ${where}`, '300 k/s', `${short(answered)}/s`, answered >= 3e5);
    add(`bytes kept of each, ${where}`, '0', short(kept), kept === 0);
  }
  const flood = results.distinct('storm', 'row').find((row) => /spoofed/.test(row));
  const share = results.value('storm', flood, NATIVE) / results.value('storm', '1,000 sessions echo', NATIVE);
  add(`echoes ${flood}, of those without`, '80 %', `${Math.round(100 * share)} %`, share >= 0.8);
  const inC = ratio(client(alone, C), 1);
  const notes = [
    `What bounds those that are not reached. Echoes one at a time: two wake-ups of a process each, and as a client the OpenSSL of the other side, which node:dgram does not have; the client in C, without Node.js, is at the same place (we have ${inC} its rate).`,
    'PSK handshakes from Node.js: three round trips between two processes take as long as those of the client in C; the rest is a new UDP sock, DTLS sock and poll handle for each.',
    "Spoofed hellos over loopback: nine tenths of the time are the kernel's, which sends each answer to another address.",
    'AES_128_CCM_8, 1200 B: the chain of CBC-MAC, of whose speed the table of records shows the share.',
  ];
  return {
    title: 'Targets',
    head: ['sock-dtls native beside', 'target', 'measured', 'reached'],
    rows,
    notes,
  };
}
