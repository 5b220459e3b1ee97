// What is measured, in order. Rounds of all subjects are interleaved, so that what else the machine does hits all alike.

import { Engine, Node } from './processes.mjs';

/** How much is measured. */
export const FULL = {
  rounds: 5,
  engineMs: 200,
  nodeMs: 500,
  idle: 10_000,
  memory: 300,
  sessions: [1, 100, 10_000, 100_000],
  growthMs: 1000,
};
export const QUICK = {
  rounds: 5,
  engineMs: 25,
  nodeMs: 120,
  idle: 2000,
  memory: 100,
  sessions: [1, 100, 10_000],
  growthMs: 250,
};

const CLIENTS = [
  ['sock-dtls native', 'psk'],
  ['sock-dtls webrtc-dtls', 'psk'],
  ['node-dtls-client', 'psk'],
  ['@nodertc/dtls', 'psk'],
  ['sock-dtls native', 'raw keys'],
  ['werift-dtls', 'certificate'],
  ['node:dgram', 'in clear'],
  ['SockUdp', 'in clear'],
  ['OpenSSL in C', 'psk'],
  ['OpenSSL in C', 'certificate'],
];
/** No Node: what a program without a JavaScript runtime reaches. */
const WITHOUT_NODE = 'OpenSSL in C';
const IN_NODE = CLIENTS.filter(([name]) => name !== WITHOUT_NODE);
const SERVERS = [
  ['sock-dtls native', 'psk'],
  ['sock-dtls webrtc-dtls', 'psk'],
  ['werift-dtls', 'certificate'],
  ['node:dgram', 'in clear'],
  ['SockUdp', 'in clear'],
];
/** Reads one connection a server. */
const ONE_PEER = new Set(['werift-dtls']);
const IN_MEMORY = ['sock-dtls native', 'webrtc-dtls', 'dimpl', 'OpenSSL'];

/** Hellos a second of a flood: its sender and its answers share the two cores with the server. */
const FLOOD = 20_000;

/** The measures of Node subjects: a name, what is asked, the unit. */
export const MEASURES = [
  ['handshakes', { what: 'handshakes' }, '/s'],
  ['echo 64 B, one at a time', { what: 'echo', length: 64, window: 1 }, '/s'],
  ['echo 64 B, 64 under way', { what: 'echo', length: 64, window: 64 }, '/s'],
  ['one way 64 B', { what: 'send', length: 64 }, '/s'],
  ['one way 1200 B', { what: 'send', length: 1200 }, '/s'],
];

/** How many times {@link measureAll} calls `step`. */
export function steps(plan) {
  const inMemory = 5 * 5 + 1 + 3 * 5 * 4 * 3;
  const node = (CLIENTS.length + SERVERS.length) * MEASURES.length * plan.rounds + IN_NODE.length;
  return inMemory + IN_MEMORY.length * 2 + node + (plan.sessions.length + 6) * plan.rounds;
}

export async function measureAll(plan, results, step) {
  await inMemory(plan, results, step);
  await asClients(plan, results, step);
  await asServers(plan, results, step);
  await growth(plan, results, step);
}

async function inMemory(plan, results, step) {
  const each = ({ group, row, length }) => step(`${group} ${row} ${length ?? ''}`);
  results.add(
    ...(await Engine.results(['rows', plan.rounds, plan.engineMs].map(String), { each, core: '0' })),
  );
  for (const subject of IN_MEMORY) {
    for (const aead of ['AES_128_GCM', 'AES_128_CCM_8']) {
      results.add(...(await Engine.results(['idle', subject, aead, String(plan.idle)])));
      step(`idle sessions, ${subject}`);
    }
  }
  results.add(...(await Engine.results(['credentials', String(plan.rounds)])));
}

/** Rounds in turns: `ask` gives a result for each of `entrants`, or throws. */
async function inTurns(plan, entrants, ask, step) {
  const answers = new Map(entrants.map((entrant) => [entrant, []]));
  const failures = new Map();
  for (let round = 0; round < plan.rounds; round++) {
    for (const entrant of entrants) {
      try {
        answers.get(entrant).push(await ask(entrant));
      } catch (error) {
        failures.set(entrant, String(error?.message ?? error));
      }
      step(entrant[0]);
    }
  }
  return { answers, failures };
}

/** Notes the rates, latencies and losses of rounds. */
function note(results, group, row, unit, { answers, failures }) {
  for (const [entrant, rounds] of answers) {
    const [subject, auth] = entrant;
    const failure = failures.get(entrant);
    if (failure !== undefined) results.failures.push({ group, row, subject, auth, failure });
    const result = { group, row, subject, auth, unit, rounds: rounds.map(({ rate }) => rate) };
    const sum = (name) => rounds.reduce((total, round) => total + (round[name] ?? 0), 0);
    if (sum('lost') > 0) result.lost = sum('lost');
    if (sum('failed') > 0) result.failed = sum('failed');
    const timed = rounds.filter(({ latencies }) => latencies !== undefined);
    results.add(result);
    for (const name of ['p50', 'p99', 'p999']) {
      if (timed.length === 0) continue;
      const micros = timed.map(({ latencies }) => latencies[name]);
      results.add({ group: `${group}, ${name}`, row, subject, auth, unit: 'us', rounds: micros });
    }
  }
}

/** The client in C. */
async function askInC(auth, port, { what, length, window, millis }) {
  const words = [what, length, window].filter((word) => word !== undefined);
  const [result] = await Engine.results(['client', auth, port, millis, ...words].map(String));
  if (result?.rate === undefined) throw new Error('no handshake');
  return result;
}

async function asClients(plan, results, step) {
  const servers = new Map();
  for (const auth of ['psk', 'certificate', 'in clear']) {
    const server = new Engine(['serve', auth]);
    servers.set(auth, { server, port: (await server.next()).port });
  }
  // OpenSSL 3.0 has no raw public keys: the other side is ours.
  const raw = new Node('server.mjs', ['sock-dtls native', 'raw keys']);
  servers.set('raw keys', { server: raw, port: (await raw.next()).port });
  const clients = new Map(IN_NODE.map((entrant) => [entrant, new Node('client.mjs', [entrant[0]])]));
  const ask = async (client, entrant, question) => {
    const { port } = servers.get(entrant[1]);
    if (client === undefined) {
      const what = question.what === 'send' ? 'send one by one' : question.what;
      return askInC(entrant[1], port, { ...question, what });
    }
    const { result, error } = await client.ask({ ...question, port, auth: entrant[1] }, plan.nodeMs + 20_000);
    if (error !== undefined) throw new Error(error);
    return result;
  };
  for (const [row, question, unit] of MEASURES) {
    const asked = { ...question, millis: plan.nodeMs };
    const taken = await inTurns(plan, CLIENTS, (entrant) => ask(clients.get(entrant), entrant, asked), step);
    note(results, 'as client', row, unit, taken);
  }
  for (const client of clients.values()) client.end();
  for (const entrant of IN_NODE) {
    // A process that has done nothing before: what it has freed would serve here.
    const client = new Node('client.mjs', [entrant[0]]);
    const taken = await inTurns(
      { rounds: 1 },
      [entrant],
      () => ask(client, entrant, { what: 'memory', sessions: plan.memory }),
      step,
    );
    note(results, 'as client', 'resident bytes a session', 'bytes', taken);
    client.end();
  }
  for (const { server } of servers.values()) server.end();
}

async function asServers(plan, results, step) {
  const running = new Map();
  const server = async (entrant) => {
    if (ONE_PEER.has(entrant[0])) running.get(entrant)?.node.end();
    else if (running.has(entrant)) return running.get(entrant);
    const node = new Node('server.mjs', entrant);
    const { port } = await node.next();
    running.set(entrant, { node, port });
    return running.get(entrant);
  };
  for (const [row, question, unit] of MEASURES) {
    const ask = async (entrant) => {
      const { node, port } = await server(entrant);
      const before = await node.ask({});
      const result = await askInC(entrant[1], port, { ...question, millis: plan.nodeMs });
      if (question.what !== 'send') return result;
      // What has arrived counts, not what was sent.
      const { received } = await node.ask({});
      return { rate: (received - before.received) / (plan.nodeMs / 1000) };
    };
    const entrants =
      question.what === 'handshakes'
        ? SERVERS.filter(([name, auth]) => !ONE_PEER.has(name) && auth !== 'in clear')
        : SERVERS;
    note(results, 'as server', row, unit, await inTurns(plan, entrants, ask, step));
  }
  for (const { node } of running.values()) node.end();
}

/** More hellos than one core answers, spoofed by the other. */
async function flood(plan, results, step, open) {
  const { server, load, end } = await open(1, '0', '1');
  const before = await server.ask({});
  const rounds = [];
  let answered = before.answered;
  for (let round = 0; round < plan.rounds; round++) {
    await load.ask(`64 ${plan.growthMs} 0 1000000`);
    const now = (await server.ask({})).answered;
    rounds.push((now - answered) / (plan.growthMs / 1000));
    answered = now;
    step('flood of hellos');
  }
  const kept = ((await server.ask({})).resident - before.resident) / (answered - before.answered);
  end();
  const row = 'answered, over loopback';
  results.add({
    group: 'hellos',
    row,
    subject: 'sock-dtls native',
    unit: '/s',
    rounds,
    kept: Math.max(0, Math.round(kept)),
  });
}

/** How cost grows with the sessions of a server, with a storm of handshakes, and with a second core. */
async function growth(plan, results, step) {
  const subject = 'sock-dtls native';
  const open = async (sessions, cores, loadCores = cores) => {
    const server = new Node('server.mjs', [subject, 'psk'], { core: cores });
    const { port } = await server.next();
    const { resident } = await server.ask({});
    const load = new Engine(['load', port, sessions].map(String), { core: loadCores });
    const { rate } = await load.next();
    const after = await server.ask({});
    const bytes = (after.resident - resident) / sessions;
    const end = () => {
      load.end();
      server.end();
    };
    return { server, load, rate, bytes, end };
  };
  /** `sides` are names, questions and processes. */
  const rounds = async (group, sides) => {
    const taken = await inTurns(plan, sides, ([, question, { load }]) => load.ask(question), step);
    for (const [[name, , side], answers] of taken.answers) {
      const result = { group, row: name, subject, unit: '/s', rounds: answers.map(({ rate }) => rate) };
      const sum = (what) => answers.reduce((total, answer) => total + answer[what], 0);
      if (sum('spoofed') > 0) result.answered = sum('answered') / sum('spoofed');
      results.add(result);
      for (const tail of ['p50', 'p99', 'p999']) {
        const micros = answers.map(({ latencies }) => latencies[tail]);
        results.add({ group: `${group}, ${tail}`, row: name, subject, unit: 'us', rounds: micros });
      }
      if (group === 'sessions') {
        results.add({
          group: 'sessions, resident bytes',
          row: name,
          subject,
          unit: 'bytes',
          rounds: [side.bytes],
        });
        results.add({ group: 'sessions, handshakes', row: name, subject, unit: '/s', rounds: [side.rate] });
      }
    }
  };
  const sides = [];
  for (const sessions of plan.sessions) {
    sides.push([sessions, `64 ${plan.growthMs} 0 0`, await open(sessions)]);
  }
  await rounds('sessions', sides);
  for (const [, , side] of sides) side.end();

  const side = await open(1000);
  await rounds('storm', [
    ['1,000 sessions echo', `16 ${plan.growthMs} 0 0`, side],
    ['while 1,000 clients connect', `16 ${plan.growthMs} 1000 0`, side],
    [
      `while ${FLOOD.toLocaleString('en')} hellos a second are spoofed`,
      `16 ${plan.growthMs} 0 ${FLOOD}`,
      side,
    ],
  ]);
  side.end();

  await flood(plan, results, step, open);

  const pinned = [
    ['one core for both', `64 ${plan.growthMs} 0 0`, await open(100, '0')],
    ['two cores', `64 ${plan.growthMs} 0 0`, await open(100, '0,1')],
  ];
  await rounds('cores', pinned);
  for (const [, , pair] of pinned) pair.end();
}
