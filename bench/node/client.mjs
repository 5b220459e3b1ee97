// A process that measures one subject as a client. Asked over IPC: { what, port, auth, millis, ... }, answers { result } or { error }.

import { setImmediate as turn } from 'node:timers/promises';
import { QUIET } from './common.mjs';
import { subjects } from './subjects.mjs';

const subject = subjects[process.argv[2]];
/** How long an echo may take; what takes longer is lost. */
const PATIENCE_MS = 100;
/** Echoes before those that count. */
const WARM_UP = 20;

const seconds = (since) => (performance.now() - since) / 1000;

function latencies(micros) {
  const sorted = Float64Array.from(micros).sort();
  const at = (fraction) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}

/** Whether a message comes before patience runs out. */
async function comes(session) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE_MS);
  });
  const came = await Promise.race([session.receive().then(() => true), late]);
  clearTimeout(timer);
  if (!came) session.forget?.();
  return came;
}

const measures = {
  /** Handshakes, one after the other, each on a socket of its own. */
  async handshakes({ port, auth, millis }) {
    // Loads what the subject needs.
    (await subject.connect(port, auth)).close();
    const begin = performance.now();
    let count = 0;
    let failed = 0;
    // The time of those that failed, each of which took patience and not work, does not count.
    let spent = 0;
    while (performance.now() - begin < millis) {
      const start = performance.now();
      try {
        (await subject.connect(port, auth)).close();
        count++;
        spent += performance.now() - start;
      } catch {
        failed++;
      }
    }
    if (count === 0) throw new Error('no handshake in 2 s');
    return { rate: (1000 * count) / spent, failed };
  },

  /** Echo round trips with `window` messages under way. */
  async echo({ port, auth, millis, length, window }) {
    const session = await subject.connect(port, auth);
    const message = new Uint8Array(length).fill(7);
    for (let i = 0; i < WARM_UP; i++) {
      session.send(message);
      await comes(session);
    }
    const micros = [];
    let lost = 0;
    const begin = performance.now();
    const lane = async () => {
      while (performance.now() - begin < millis) {
        const sent = performance.now();
        session.send(message);
        if (await comes(session)) micros.push((performance.now() - sent) * 1000);
        else lost++;
      }
    };
    await Promise.all(Array.from({ length: window }, lane));
    const rate = micros.length / seconds(begin);
    session.close();
    return { rate, lost, latencies: latencies(micros) };
  },

  /** Messages that nobody answers, as many as the subject takes. */
  async send({ port, auth, millis, length }) {
    const session = await subject.connect(port, auth);
    const message = new Uint8Array(length).fill(QUIET);
    const begin = performance.now();
    let count = 0;
    while (performance.now() - begin < millis) {
      for (let i = 0; i < 64; i++) if (session.send(message) !== false) count++;
      await turn();
    }
    const rate = count / seconds(begin);
    session.close();
    return { rate };
  },

  /** Resident bytes of a session, the socket with it. */
  async memory({ port, auth, sessions }) {
    for (let i = 0; i < 20; i++) (await subject.connect(port, auth)).close();
    global.gc?.();
    const before = process.memoryUsage.rss();
    const open = [];
    for (let i = 0; i < sessions; i++) open.push(await subject.connect(port, auth));
    global.gc?.();
    const bytes = Math.max(0, process.memoryUsage.rss() - before) / sessions;
    for (const session of open) session.close();
    return { rate: bytes };
  },
};

process.on('message', async (question) => {
  try {
    process.send({ result: await measures[question.what](question) });
  } catch (error) {
    process.send({ error: String(error?.message ?? error) });
  }
});
process.on('disconnect', () => process.exit(0));
// Some subjects throw from a socket's event; the question is then not answered, and the asker gives up.
process.on('uncaughtException', (error) => process.send({ error: String(error?.message ?? error) }));
