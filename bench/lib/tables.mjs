// The tables of a run, as rows of text: the terminal and the page show the same.

import { MEASURES } from './measure.mjs';
import { halfSpread, ratio, short, spread } from './results.mjs';

const NATIVE = 'sock-dtls native';
const OTHERS = ['webrtc-dtls', 'dimpl', 'OpenSSL'];

/** Our median, how many times that of each other it is, and its share of the floor. */
function beside(results, group, row, extra) {
  const ours = results.find(group, row, NATIVE, extra);
  const value = (subject) => results.value(group, row, subject, extra);
  const floor = value('floor');
  return [
    `${short(value(NATIVE))}/s`,
    spread(ours.rounds),
    ...OTHERS.map((other) => ratio(value(NATIVE), value(other))),
    floor === undefined ? '-' : `${Math.round((100 * value(NATIVE)) / floor)} %`,
  ];
}

const BESIDE = ['sock-dtls native', 'spread', ...OTHERS.map((name) => `x ${name}`), 'of the floor'];

function handshakes(results) {
  return {
    title: 'Handshakes, both sides in memory, one core',
    head: ['suite', ...BESIDE],
    rows: results.distinct('handshakes', 'row').map((row) => [row, ...beside(results, 'handshakes', row)]),
    notes: [
      'OpenSSL 3.0 has no raw public keys, webrtc-dtls and dimpl have none either: with ECDHE_ECDSA they send a certificate of their own, which the other side takes as it is. webrtc-dtls agrees on x25519 there, the others on P-256.',
      'The floor is what the primitives alone take for the same work: MACs, hashes, key agreement, signatures.',
      '`-`: webrtc-dtls and dimpl have no ECDHE_PSK, dimpl has no PSK with GCM.',
    ],
  };
}

function records(results) {
  const rows = results
    .distinct('seal and open', 'row')
    .flatMap((row) =>
      results
        .distinct('seal and open', 'length')
        .map((length) => [`${row}, ${length} B`, ...beside(results, 'seal and open', row, { length })]),
    );
  return {
    title: 'Records sealed and opened, one core',
    head: ['records', ...BESIDE],
    rows,
    notes: [
      'Seal and open apart stand in results.json. Whole engines are compared: webrtc-dtls passes a record through its tasks, as its users do.',
      'The floor of GCM and ChaCha20-Poly1305 is the AEAD of aws-lc in place; that of CCM_8 the chain of CBC-MAC alone, which nothing can make parallel.',
      '`-`: dimpl sends no record over 1,200 bytes, webrtc-dtls receives none over 8,192; it has no PSK with ChaCha20-Poly1305.',
    ],
  };
}

function memory(results) {
  const subjects = [NATIVE, ...OTHERS];
  const bytes = (row) => subjects.map((subject) => short(results.value('idle', row, subject)));
  const allocations = (group, row, extra) =>
    subjects.map((subject) => {
      const found = results.find(group, row, subject, extra);
      return found === undefined || subject === 'OpenSSL' ? '-' : short(found.allocations);
    });
  return {
    title: 'Memory',
    head: ['what', ...subjects],
    rows: [
      ['idle server session, AES_128_GCM, resident bytes', ...bytes('Gcm')],
      ['idle server session, AES_128_CCM_8, resident bytes', ...bytes('Ccm8')],
      ['allocations a handshake, PSK_AES_128_CCM_8', ...allocations('handshakes', 'PSK_AES_128_CCM_8')],
      [
        'allocations a record of 64 B, sealed and opened',
        ...allocations('seal and open', 'AES_128_CCM_8', { length: 64 }),
      ],
    ],
    notes: ['Allocations are those of Rust; what C allocates for OpenSSL is not counted.'],
  };
}

/** A table of Node subjects, with the reasons for empty cells below. */
function nodeTable(results, group, title, extraRows, notes) {
  const entrants = [];
  for (const { group: found, subject, auth } of results.all) {
    if (found === group && !entrants.some(([name, kind]) => name === subject && kind === auth)) {
      entrants.push([subject, auth]);
    }
  }
  const cell = (row, [subject, auth]) => {
    const found = results.find(group, row, subject, { auth });
    if (found === undefined) return '-';
    const { lost = 0, failed = 0, rounds } = found;
    const marks = `${lost > 0 ? ' (l)' : ''}${failed > 0 ? ' (f)' : ''}`;
    const value = short(results.value(group, row, subject, { auth }));
    return rounds.length > 1 ? `${value} ${halfSpread(rounds)}${marks}` : `${value}${marks}`;
  };
  const micros = (row, [subject, auth]) =>
    ['p50', 'p99', 'p999']
      .map((tail) => short(results.value(`${group}, ${tail}`, row, subject, { auth })))
      .join(' / ');
  const echo = MEASURES[1][0];
  const failures = results.failures
    .filter((failure) => failure.group === group)
    .map(({ row, subject, failure }) => `${subject}, ${row}: ${failure}.`);
  return {
    title,
    head: [
      'subject',
      ...MEASURES.map(([row, , unit]) => `${row}, ${unit}`),
      `${echo}: p50 / p99 / p99.9, us`,
      ...extraRows,
    ],
    rows: entrants.map((entrant) => [
      entrant.join(', '),
      ...MEASURES.map(([row]) => cell(row, entrant)),
      micros(echo, entrant),
      ...extraRows.map((row) => cell(row, entrant)),
    ]),
    notes: [...notes, ...(failures.length > 0 ? [`Rounds that failed: ${failures.join(' ')}`] : [])],
  };
}

const LOST =
  '(l): some messages were lost; they count neither as echoes nor among the latencies. (f): some handshakes failed; the time of these does not count.';

function clients(results) {
  return nodeTable(
    results,
    'as client',
    'From Node.js, as client of the same server',
    ['resident bytes a session'],
    [
      'The server is OpenSSL, for all; for raw public keys, which it lacks, sock-dtls in Node.js; in clear a plain echo without Node. A new socket for each handshake; "one way" is what the client sends, in turns of 64 messages. The last two rows are a client in C (OpenSSL, one call a message) for comparison: no Node.js.',
      LOST,
      'werift-dtls repeats a nonce in its fifth record; a correct peer drops that record as a replay, before the count begins.',
      'Resident bytes of 0: a session took no more than the process had to spare.',
    ],
  );
}

function servers(results) {
  return nodeTable(
    results,
    'as server',
    'From Node.js, as server of the same client',
    [],
    [
      'The client is OpenSSL, for all; in clear it is the same program without OpenSSL. "One way" is what the server receives of what one client sends as fast as it can, 32 datagrams a call (UDP_SEGMENT), so that the sender is not the limit.',
      LOST,
      '`-`: node-dtls-client and @nodertc/dtls have no server; werift-dtls serves one peer a server, so that handshakes a second mean nothing; in clear there are none.',
    ],
  );
}

function sessions(results) {
  const row = (count) => [
    `${count} sessions`,
    `${short(results.value('sessions', count, NATIVE))}/s`,
    ...['p50', 'p99'].map((tail) => `${short(results.value(`sessions, ${tail}`, count, NATIVE))} us`),
    `${short(results.value('sessions, resident bytes', count, NATIVE))}`,
    `${short(results.value('sessions, handshakes', count, NATIVE))}/s`,
  ];
  return {
    title: 'More sessions on one sock',
    head: ['sessions', 'echoes of 64 B', 'p50', 'p99', 'resident bytes a session', 'handshakes to get there'],
    rows: results.distinct('sessions', 'row').map(row),
    notes: [
      'A server in Node.js, echoes over all sessions in turns with 64 under way, each client with an address of its own. With few sessions the bytes are those of the process, not of the session.',
    ],
  };
}

function pressure(results) {
  const row = (group) => (name) => {
    const { answered } = results.find(group, name, NATIVE) ?? {};
    return [
      name,
      `${short(results.value(group, name, NATIVE))}/s`,
      ...['p50', 'p99', 'p999'].map(
        (tail) => `${short(results.value(`${group}, ${tail}`, name, NATIVE))} us`,
      ),
      answered === undefined ? '-' : `${Math.round(100 * answered)} %`,
    ];
  };
  return {
    title: 'A storm of handshakes, a flood of hellos, and one core or two',
    head: ['what', 'echoes of 64 B', 'p50', 'p99', 'p99.9', 'hellos answered'],
    rows: [
      ...results.distinct('storm', 'row').map(row('storm')),
      ...results.distinct('cores', 'row').map(row('cores')),
    ],
    notes: [
      'The load generator runs on the same cores as the server, and sends spoofed hellos at the cost of its echoes, too.',
    ],
  };
}

function credentials(results) {
  return {
    title: 'More credentials in the pool',
    head: ['credentials', 'a handshake, over loopback', 'spread'],
    rows: results.distinct('credentials', 'row').map((count) => {
      const { rounds } = results.find('credentials', count, NATIVE);
      return [String(count), `${short(results.value('credentials', count, NATIVE))} us`, spread(rounds)];
    }),
    notes: [],
  };
}

export function tables(results) {
  return [handshakes, records, memory, clients, servers, sessions, pressure, credentials].map((table) =>
    table(results),
  );
}
