/**
 * Every exported function with arguments that no program should give.
 */

import test, { type ExecutionContext } from 'ava';
import {
  AF_INET,
  CREDMAN_INVALID,
  CREDMAN_NOT_FOUND,
  CREDMAN_OK,
  CREDMAN_TYPE_PSK,
  CREDMAN_TYPE_UNKNOWN,
  credman,
  SOCK_AUX_GET_LOCAL,
  SOCK_AUX_SET_LOCAL,
  SOCK_DTLS_1_2,
  SOCK_DTLS_SERVER,
  SockDtls,
  type SockDtlsOptions,
  SockDtlsSession,
  SockUdp,
  strerror,
} from '../../index.js';
import {
  addPsk,
  client,
  connect,
  endpoint,
  exchange,
  LOOPBACK,
  openUdp,
  say,
  server,
} from '../helpers/socks.js';

// What a call is handed is not what its type says.
type Loose = (...args: unknown[]) => unknown;

const session = new SockDtlsSession();
const ep = endpoint(9);
session.setUdpEp(ep);
const bytes = new Uint8Array(4);
const buf = { data: null, ctx: null };

/** Values of every JavaScript type, by what they are not. */
const values: Record<string, unknown> = {
  undefined: undefined,
  null: null,
  text: 'text',
  'a number': 5,
  'a bigint': 5n,
  'a symbol': Symbol('s'),
  true: true,
  'a function': () => 0,
  'a plain object': {},
  'an array': [1, 2],
  'a DataView': new DataView(new ArrayBuffer(4)),
  'an ArrayBuffer': new ArrayBuffer(4),
  'a Uint16Array': new Uint16Array(4),
  'a proxy of a Uint8Array': new Proxy(new Uint8Array(4), {}),
  'a frozen object': Object.freeze({}),
  'an object like a session': Object.create(SockDtlsSession.prototype),
};

function except(...names: string[]): [string, unknown][] {
  for (const name of names) if (!(name in values)) throw new Error(`there is no value ${name}`);
  return Object.entries(values).filter(([name]) => !names.includes(name));
}

const notBytes = except();
const notBytesOrNull = except('null');
const notNumber = except('a number', 'undefined');
const notNumberAtAll = except('a number');
const notSession = except();
const notFunction = except('a function', 'null');
const notSnips = except('null');
const notHint = except('null', 'text');
// An out-parameter is any object that can be filled, whatever else it is.
const notOut = [
  ...except(...Object.keys(values).filter(isObject)),
  ['a frozen object', Object.freeze({})],
] as [string, unknown][];
const notOutOrNull = notOut.filter(([name]) => name !== 'null' && name !== 'undefined');
const notEp: [string, unknown][] = [
  ...except('null', 'undefined').filter(([name]) => !isObject(name)),
  ['no members', {}],
  ['a family that is text', { ...ep, family: 'AF_INET' }],
  ['an address that is a number', { ...ep, addr: 0x7f000001 }],
  ['an address that is an array', { ...ep, addr: [127, 0, 0, 1] }],
  ['no address', { ...ep, addr: undefined }],
  ['a port that is text', { ...ep, port: '9' }],
  ['an interface that is text', { ...ep, netif: 'lo' }],
];
const notAux: [string, unknown][] = [
  ...except('null', 'undefined').filter(([name]) => !isObject(name)),
  ['no flags', {}],
  ['flags that are text', { flags: '1' }],
];
const notRxAux: [string, unknown][] = [
  ...notAux,
  ['frozen', Object.freeze({ flags: 1 })],
  ['a local endpoint that cannot be filled', { flags: SOCK_AUX_GET_LOCAL, local: Object.freeze({ ...ep }) }],
];
const notTxAux: [string, unknown][] = [
  ...notAux,
  ['no local endpoint to send from', { flags: SOCK_AUX_SET_LOCAL }],
  ['text to send from', { flags: SOCK_AUX_SET_LOCAL, local: LOOPBACK }],
];
const notRecvBuf: [string, unknown][] = [...notOut, ['a context of another kind', { data: null, ctx: {} }]];

function isObject(name: string): boolean {
  const value = values[name];
  return typeof value === 'object' && value !== null;
}

/** A call: right arguments, and what each must not be. Null stands for one that may be anything. */
type Row = [method: string, args: unknown[], wrong: (readonly [string, unknown][] | null)[]];

const udpCalls: Row[] = [
  ['create', [null, null, 0], [notEp, notEp, notNumber]],
  ['getLocal', [{}], [notOut]],
  ['getRemote', [{}], [notOut]],
  ['recv', [bytes, 0, null], [notBytes, notNumber, notOutOrNull]],
  ['recvAux', [bytes, 0, null, null], [notBytes, notNumber, notOutOrNull, notRxAux]],
  ['tryRecv', [bytes, null, null], [notBytes, notOutOrNull, notRxAux]],
  ['recvBuf', [buf, 0, null], [notRecvBuf, notNumber, notOutOrNull]],
  ['recvBufAux', [buf, 0, null, null], [notRecvBuf, notNumber, notOutOrNull, notRxAux]],
  ['send', [bytes, ep], [notBytesOrNull, notEp]],
  ['sendAux', [bytes, ep, null], [notBytesOrNull, notEp, notTxAux]],
  ['sendv', [[bytes], ep], [notSnips, notEp]],
  ['sendvAux', [[bytes], ep, null], [notSnips, notEp, notTxAux]],
  ['trySend', [bytes, ep, null], [notBytesOrNull, notEp, notTxAux]],
  ['trySendv', [[bytes], ep, null], [notSnips, notEp, notTxAux]],
];

const dtlsCalls: Row[] = [
  ['create', [new SockUdp(), 0, 2, 1], [notSession, notNumberAtAll, notNumberAtAll, notNumberAtAll]],
  ['setServerPskIdHint', ['hint'], [notHint]],
  ['addCredential', [1], [notNumberAtAll]],
  ['removeCredential', [1], [notNumberAtAll]],
  ['setClientPskCb', [null], [notFunction]],
  ['setRpkCb', [null], [notFunction]],
  ['sessionInit', [ep, session], [notEp, notSession]],
  ['sessionDestroy', [session], [notSession]],
  ['sessionInfo', [session], [notSession]],
  ['recv', [session, bytes, 0], [notSession, notBytes, notNumber]],
  ['recvAux', [session, bytes, 0, null], [notSession, notBytes, notNumber, notRxAux]],
  ['tryRecv', [session, bytes, null], [notSession, notBytes, notRxAux]],
  ['recvBuf', [session, buf, 0], [notSession, notRecvBuf, notNumber]],
  ['recvBufAux', [session, buf, 0, null], [notSession, notRecvBuf, notNumber, notRxAux]],
  ['send', [session, bytes, 0], [notSession, notBytesOrNull, notNumber]],
  ['sendAux', [session, bytes, 0, null], [notSession, notBytesOrNull, notNumber, notTxAux]],
  ['sendv', [session, [bytes], 0], [notSession, notSnips, notNumber]],
  ['sendvAux', [session, [bytes], 0, null], [notSession, notSnips, notNumber, notTxAux]],
  ['trySend', [session, bytes, null], [notSession, notBytesOrNull, notTxAux]],
  ['trySendv', [session, [bytes], null], [notSession, notSnips, notTxAux]],
  ['setCb', [null], [notFunction]],
  ['getEventSession', [session], [notSession]],
];

const sessionCalls: Row[] = [
  ['getUdpEp', [{}], [notOut]],
  ['setUdpEp', [ep], [notEp]],
];

const notObject = except(...Object.keys(values).filter(isObject));
const credmanCalls: Row[] = [
  [
    'add',
    [{ tag: 1, type: 1, params: {} }],
    [[...notObject, ['no tag', { type: 1 }], ['no type', { tag: 1 }]]],
  ],
  ['get', [{}, 1, 1], [notObject, notNumberAtAll, notNumberAtAll]],
  ['delete', [1, 1], [notNumberAtAll, notNumberAtAll]],
  ['loadPublicKey', [bytes, {}], [notBytes, notObject]],
  ['loadPrivateKey', [bytes, {}], [notBytes, notObject]],
  ['loadPrivateEccKey', [bytes, {}], [notBytes, notObject]],
  ['setMaxCredentials', [5], [notNumberAtAll]],
];

/** Puts each wrong value into each place: every call throws a TypeError at once. */
function assertThrows(t: ExecutionContext, target: object, name: string, rows: Row[]): void {
  for (const [method, args, wrong] of rows) {
    const call = (target as Record<string, Loose>)[method];
    for (const [place, list] of wrong.entries()) {
      for (const [what, value] of list ?? []) {
        const bad = [...args];
        bad[place] = value;
        t.throws(
          () => {
            const res = call?.apply(target, bad);
            // A rejection that nobody handles would end the process and hide which call it was.
            if (res instanceof Promise) res.catch(() => {});
          },
          { instanceOf: TypeError },
          `${name}.${method}: argument ${place} is ${what}`,
        );
      }
    }
  }
}

test('wrong types throw a TypeError at once, and change nothing, on open socks', async (t) => {
  const psk = { id: 'device', key: 'shared' };
  const tag = addPsk(t, psk);
  const other = server(t, [tag]);
  const own = client(t, [tag]);
  const pair = await connect(own, other);
  const used = credman.getUsedCount();
  const udp = openUdp(t);
  assertThrows(t, udp, 'udp', udpCalls);
  assertThrows(t, own.sock, 'sock', dtlsCalls);
  assertThrows(t, new SockDtlsSession(), 'session', sessionCalls);
  assertThrows(t, credman, 'credman', credmanCalls);
  t.is(credman.getUsedCount(), used);
  t.deepEqual([...own.sock.getCredentials()], [tag]);
  t.is(own.count('sessions'), 1);
  await exchange(own, other, pair);
});

test('wrong types throw a TypeError on socks that were never opened, and on closed ones', (t) => {
  const udp = openUdp(t);
  const { sock } = server(t, [], {}, udp);
  sock.close();
  udp.close();
  for (const [name, target] of Object.entries({ 'a new sock': new SockUdp(), 'a closed sock': udp })) {
    assertThrows(t, target, name, udpCalls);
  }
  for (const [name, target] of Object.entries({ 'a new sock': new SockDtls(), 'a closed sock': sock })) {
    assertThrows(t, target, name, dtlsCalls);
  }
});

test('methods need their own object', (t) => {
  for (const [type, rows] of [
    [SockUdp, udpCalls],
    [SockDtls, dtlsCalls],
    [SockDtlsSession, sessionCalls],
  ] as const) {
    for (const [method, args] of rows) {
      const call = (type.prototype as unknown as Record<string, Loose>)[method];
      for (const self of [undefined, {}, Object.create(type.prototype)]) {
        t.throws(() => call?.apply(self, args), { instanceOf: TypeError }, `${type.name}.${method}`);
      }
    }
  }
});

test('wrong types inside a credential throw a TypeError', (t) => {
  const good = { id: 'id', key: 'key' };
  const used = credman.getUsedCount();
  for (const params of [
    7,
    { psk: 'secret' },
    { psk: { ...good, key: 5 } },
    { psk: { ...good, key: [1, 2, 3] } },
    { psk: { ...good, id: {} } },
    { psk: { ...good, hint: new ArrayBuffer(4) } },
  ]) {
    t.throws(() => credman.add({ tag: 9, type: 1, params } as never), { instanceOf: TypeError });
  }
  const point = { x: new Uint8Array(32), y: new Uint8Array(32) };
  for (const ecdsa of [
    'pem',
    { privateKey: 'hex', publicKey: point },
    { privateKey: point.x, publicKey: 'hex' },
    { privateKey: point.x, publicKey: { x: 'x', y: point.y } },
    { privateKey: point.x, publicKey: point, clientKeys: 'all' },
    { privateKey: point.x, publicKey: point, clientKeys: [null] },
    { privateKey: point.x, publicKey: point, clientKeys: [{ x: 1, y: 2 }] },
  ]) {
    t.throws(() => credman.add({ tag: 9, type: 2, params: { ecdsa } } as never), { instanceOf: TypeError });
  }
  t.is(credman.getUsedCount(), used);
});

test('options of a wrong type throw a TypeError, out of range a RangeError', (t) => {
  for (const [what, value] of except('undefined').filter(([name]) => !isObject(name))) {
    t.throws(() => new SockDtls(value as never), { instanceOf: TypeError }, what);
  }
  const booleans = ['verifyPublicKey', 'forceExtendedMasterSecret', 'forceRenegotiationInfo'];
  const numbers: Record<string, [number, number]> = {
    mtu: [256, 65_535],
    maxSessions: [1, 0xffffffff],
    maxHandshakes: [1, 0xffffffff],
    maxHandshakesPerAddress: [1, 0xffffffff],
    handshakeLifetimeMs: [1, 0x7fffffff],
    retransmitMs: [1, 0x7fffffff],
    retransmitMaxMs: [1, 0x7fffffff],
    maxReassembly: [1024, 0xffffffff],
    recvQueueMessages: [1, 0xffffffff],
    recvQueueBytes: [1, 0xffffffff],
    maxHintLength: [0, 65_535],
  };
  const make = (name: string, value: unknown) => new SockDtls({ [name]: value } as SockDtlsOptions);
  for (const name of booleans) {
    for (const [what, value] of except('undefined', 'true')) {
      t.throws(() => make(name, value), { instanceOf: TypeError }, `${name}: ${what}`);
    }
  }
  for (const [name, [min, max]] of Object.entries(numbers)) {
    for (const [what, value] of notNumber) {
      t.throws(() => make(name, value), { instanceOf: TypeError }, `${name}: ${what}`);
    }
    for (const value of [min - 1, max + 1, -1, 1.5 + min, Number.NaN, Number.POSITIVE_INFINITY]) {
      t.throws(() => make(name, value), { instanceOf: RangeError }, `${name}: ${value}`);
    }
    for (const value of [min, max, undefined]) t.notThrows(() => make(name, value), `${name}: ${value}`);
  }
  for (const name of ['suites', 'groups']) {
    for (const value of ['text', 5, null, [null], [{}], [5n]]) {
      t.throws(() => make(name, value), { instanceOf: TypeError }, `${name}: ${String(value)}`);
    }
    for (const value of [[], ['no such name'], [-1], [65_536], ['__proto__'], ['toString']]) {
      t.throws(() => make(name, value), { instanceOf: RangeError }, `${name}: ${value}`);
    }
  }
});

test('extreme options still carry a session', async (t) => {
  const least: SockDtlsOptions = { mtu: 256, maxSessions: 1, maxReassembly: 1024, recvQueueMessages: 1 };
  const most: SockDtlsOptions = {
    mtu: 65_535,
    maxSessions: 0xffffffff,
    maxHandshakes: 0xffffffff,
    maxHandshakesPerAddress: 0xffffffff,
    handshakeLifetimeMs: 0x7fffffff,
    retransmitMs: 0x7fffffff,
    retransmitMaxMs: 0x7fffffff,
    maxReassembly: 0xffffffff,
    recvQueueMessages: 0xffffffff,
    recvQueueBytes: 0xffffffff,
  };
  for (const options of [least, most]) {
    const tag = addPsk(t, { id: 'device', key: 'shared' });
    const other = server(t, [tag], options);
    const own = client(t, [tag], options);
    await exchange(own, other, await connect(own, other));
    t.is(own.count('messagesReceived'), 1);
  }
});

test('absurd numbers have clear results', (t) => {
  const absurd = [-1, 0.5, 65_536, 2 ** 32, 2 ** 53, -(2 ** 53), Number.NaN, Number.POSITIVE_INFINITY];
  const { sock } = client(t, []);
  for (const value of absurd) {
    t.is(sock.addCredential(value), -1, `${value}`);
    t.is(sock.removeCredential(value), -1, `${value}`);
    t.is(new SockDtls().create(openUdp(t), value, SOCK_DTLS_1_2, SOCK_DTLS_SERVER), -1, `tag ${value}`);
    t.is(new SockDtls().create(openUdp(t), 0, value, SOCK_DTLS_SERVER), -1, `version ${value}`);
    t.is(new SockDtls().create(openUdp(t), 0, SOCK_DTLS_1_2, value), -1, `role ${value}`);
    t.is(say(new SockUdp().create(endpoint(value), null, 0)), '-EINVAL', `port ${value}`);
    t.is(say(new SockUdp().create(endpoint(0), null, value)), '-EINVAL', `flags ${value}`);
    t.regex(say(new SockUdp().create({ ...ep, family: value }, null, 0)), /-EAFNOSUPPORT|-EINVAL/);
    t.is(say(sock.sessionInit(endpoint(value), new SockDtlsSession())), '-EINVAL', `port ${value}`);
    const psk = { id: 'id', key: 'key' };
    t.is(credman.add({ tag: value, type: CREDMAN_TYPE_PSK, params: { psk } }), CREDMAN_INVALID, `${value}`);
    t.is(credman.add({ tag: 1, type: value, params: {} }), CREDMAN_TYPE_UNKNOWN, `type ${value}`);
    t.is(credman.get({} as never, value, value), CREDMAN_NOT_FOUND, `${value}`);
    t.notThrows(() => credman.delete(value, value));
    t.is(typeof strerror(value), 'string');
  }
  for (const netif of [-1, 0.5, 2 ** 32, Number.NaN]) {
    t.is(say(new SockUdp().create({ ...ep, netif }, null, 0)), '-EINVAL', `netif ${netif}`);
  }
});

test('absurd addresses are no addresses', (t) => {
  const { sock } = client(t, [addPsk(t, { key: 'x' })]);
  const texts = ['', ' ', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '::g', ':::', '1::2::3', '::1%lo'];
  for (const addr of [...texts, `${LOOPBACK}\0`, `${LOOPBACK} `, 'x'.repeat(100_000)]) {
    t.is(say(sock.sessionInit({ ...ep, addr }, new SockDtlsSession())), '-EINVAL', addr.slice(0, 20));
  }
  for (const length of [0, 1, 3, 5, 15, 17, 100_000]) {
    const addr = new Uint8Array(length).fill(1);
    t.is(say(sock.sessionInit({ ...ep, addr }, new SockDtlsSession())), '-EINVAL', `${length} bytes`);
  }
});

test('absurd messages are -EMSGSIZE or arrive as they are', async (t) => {
  const tag = addPsk(t, { id: 'device', key: 'shared' });
  const other = server(t, [tag]);
  const own = client(t, [tag]);
  const pair = await connect(own, other);
  for (const length of [16_385, 65_536, 2 ** 20, 64 * 2 ** 20]) {
    t.is(say(await own.sock.send(pair.up, new Uint8Array(length))), '-EMSGSIZE', `${length}`);
  }
  const many = Array.from({ length: 10_000 }, (_, i) => Uint8Array.of(i));
  t.is(own.sock.trySendv(pair.up, many), 10_000);
  const data = new Uint8Array(16_384);
  t.is(await other.sock.recv(new SockDtlsSession(), data, 20_000_000), 10_000);
  t.deepEqual(
    data.subarray(0, 10_000),
    Uint8Array.from({ length: 10_000 }, (_, i) => i),
  );
  t.is(
    say(
      own.sock.trySendv(
        pair.up,
        Array.from({ length: 20_000 }, () => bytes),
      ),
    ),
    '-EMSGSIZE',
  );
  await exchange(own, other, pair);
});

test('arrays over unusual memory are read and filled as they are', async (t) => {
  const tag = addPsk(t, { id: 'device', key: 'shared' });
  const other = server(t, [tag]);
  const own = client(t, [tag]);
  const pair = await connect(own, other);
  const text = Buffer.from('some bytes');
  const resizable = new (ArrayBuffer as new (length: number, options: object) => ArrayBuffer)(64, {
    maxByteLength: 128,
  });
  const views = [new Uint8Array(new SharedArrayBuffer(64)), new Uint8Array(resizable), Buffer.alloc(64)];
  for (const view of views) {
    const part = view.subarray(7, 7 + text.length);
    part.set(text);
    t.is(own.sock.trySend(pair.up, part), text.length);
    view.fill(0);
    const into = view.subarray(20, 40);
    t.is(await other.sock.recv(new SockDtlsSession(), into, 20_000_000), text.length);
    t.deepEqual(Buffer.from(into.subarray(0, text.length)), text);
    t.true(view.subarray(0, 20).every((byte) => byte === 0));
  }
  const detached = new Uint8Array(16);
  structuredClone(detached, { transfer: [detached.buffer] });
  t.is(own.sock.trySend(pair.up, detached), 0);
  await own.send(pair.up, 'x');
  t.is(say(await other.sock.recv(new SockDtlsSession(), detached, 20_000_000)), '-ENOBUFS');
  await exchange(own, other, pair);
});

test('getters that throw or change their minds harm nobody', async (t) => {
  const tag = addPsk(t, { id: 'device', key: 'shared' });
  const other = server(t, [tag]);
  const own = client(t, [tag]);
  const pair = await connect(own, other);
  const thrown = new Error('on purpose');
  const throwing = {
    family: AF_INET,
    addr: LOOPBACK,
    get port(): number {
      throw thrown;
    },
    netif: 0,
  };
  t.is(
    t.throws(() => own.sock.sessionInit(throwing, new SockDtlsSession())),
    thrown,
  );
  t.is(
    t.throws(() =>
      own.udp.getLocal(
        new Proxy(ep, {
          set: () => {
            throw thrown;
          },
        }),
      ),
    ),
    thrown,
  );
  let reads = 0;
  const fickle = {
    ...endpoint(other.port),
    get addr(): string {
      return reads++ % 2 === 0 ? LOOPBACK : (undefined as never);
    },
  };
  for (let i = 0; i < 4; i++) {
    try {
      t.is(typeof own.sock.sessionInit(fickle, new SockDtlsSession()), 'number');
    } catch (error) {
      t.true(error instanceof TypeError);
    }
  }
  await exchange(own, other, pair);
  t.is(credman.get({} as never, tag, CREDMAN_TYPE_PSK), CREDMAN_OK);
});
