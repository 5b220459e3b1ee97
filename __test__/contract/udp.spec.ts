import { constants, networkInterfaces } from 'node:os';
import test from 'ava';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  errno,
  SOCK_AUX_GET_LOCAL,
  SOCK_AUX_GET_RSSI,
  SOCK_AUX_GET_TIMESTAMP,
  SOCK_AUX_GET_TTL,
  SOCK_AUX_SET_LOCAL,
  SOCK_FLAGS_REUSE_EP,
  SOCK_IPV4_EP_ANY,
  SOCK_IPV6_EP_ANY,
  SOCK_NO_TIMEOUT,
  type SockAux,
  type SockRecvBuf,
  SockUdp,
  type SockUdpEp,
} from '../../index.js';
import { endpoint, LOOPBACK, openUdp, say, server, type Teardown, text } from '../helpers/socks.js';

const V6_LOOPBACK: SockUdpEp = { ...SOCK_IPV6_EP_ANY, addr: '::1' };

/** The loopback interface is the first one there is. */
const LOOPBACK_INDEX = 1;

function blank(): SockUdpEp {
  return { family: AF_UNSPEC, addr: '', port: 0, netif: 0 };
}

/** A sock with this local endpoint, closed when the test is over. */
function open(t: Teardown, local: SockUdpEp | null, remote: SockUdpEp | null = null, flags = 0) {
  const udp = new SockUdp();
  t.teardown(() => udp.close());
  return { udp, res: say(udp.create(local, remote, flags)) };
}

function local(udp: SockUdp): SockUdpEp {
  const ep = blank();
  if (udp.getLocal(ep) !== 0) throw new Error('there is no local endpoint');
  return ep;
}

/** Receives one datagram: the result, the text, the sender. */
async function receive(udp: SockUdp, aux: SockAux | null = null, timeoutUs = 5_000_000) {
  const remote = blank();
  const data = new Uint8Array(2048);
  const res = await udp.recvAux(data, timeoutUs, remote, aux);
  return { res: say(res), text: res > 0 ? text(data.subarray(0, res)) : '', remote };
}

test('a datagram arrives with its sender', async (t) => {
  const [a, b] = [openUdp(t), openUdp(t)];
  t.is(await a.send(Buffer.from('hello'), local(b)), 5);
  t.deepEqual(await receive(b), { res: '5', text: 'hello', remote: local(a) });
});

test('an endpoint is bound once, unless both share it', (t) => {
  const first = open(t, endpoint(0));
  t.is(first.res, '0');
  t.is(open(t, local(first.udp)).res, '-EADDRINUSE');
  t.is(open(t, local(first.udp), null, SOCK_FLAGS_REUSE_EP).res, '-EADDRINUSE');
  const shared = open(t, endpoint(0), null, SOCK_FLAGS_REUSE_EP);
  t.is(open(t, local(shared.udp), null, SOCK_FLAGS_REUSE_EP).res, '0');
});

test('a closed endpoint can be bound at once', (t) => {
  const { udp } = open(t, endpoint(0));
  const ep = local(udp);
  for (let i = 0; i < 20; i++) {
    udp.close();
    t.is(say(udp.create(ep, null, 0)), '0');
  }
});

test('create refuses what is no endpoint', (t) => {
  const rows: [string, SockUdpEp | null, SockUdpEp | null, number, string][] = [
    ['no family', { ...endpoint(0), family: AF_UNSPEC }, null, 0, '-EAFNOSUPPORT'],
    ['another family', { ...endpoint(0), family: 17 }, null, 0, '-EAFNOSUPPORT'],
    ['an address of the other family', { ...endpoint(0), addr: '::1' }, null, 0, '-EINVAL'],
    ['an address of five bytes', { ...endpoint(0), addr: new Uint8Array(5) }, null, 0, '-EINVAL'],
    ['a name', { ...endpoint(0), addr: 'localhost' }, null, 0, '-EINVAL'],
    ['a port too high', endpoint(65_536), null, 0, '-EINVAL'],
    ['an unknown flag', endpoint(0), null, 2, '-EINVAL'],
    ['an unknown interface', { ...V6_LOOPBACK, addr: 'fe80::1', netif: 4_000_000 }, null, 0, '-EINVAL'],
    ['a remote without a port', endpoint(0), endpoint(0), 0, '-EINVAL'],
    ['a remote that is no address', endpoint(0), { ...endpoint(1), addr: '0.0.0.0' }, 0, '-EINVAL'],
    ['a remote of the other family', endpoint(0), { ...V6_LOOPBACK, port: 1 }, 0, '-EINVAL'],
  ];
  for (const [what, ep, remote, flags, expected] of rows) {
    t.is(open(t, ep, remote, flags).res, expected, what);
  }
});

test('create refuses an address that is not of this host', (t) => {
  // From the range for documentation.
  t.regex(open(t, endpoint(0, '192.0.2.1')).res, /^-E(INVAL|ADDRNOTAVAIL)$/);
});

test('an open sock cannot be created again', (t) => {
  const { udp } = open(t, endpoint(0));
  t.is(say(udp.create(endpoint(0), null, 0)), '-EINVAL');
  t.is(local(udp).family, AF_INET);
});

test('the local endpoint is told, and none while the sock is unbound', (t) => {
  const ep = blank();
  const { udp, res } = open(t, null);
  t.is(res, '0');
  t.is(say(udp.getLocal(ep)), '-EADDRNOTAVAIL');
  const bound = open(t, endpoint(0));
  t.is(bound.udp.getLocal(ep), 0);
  t.like(ep, { family: AF_INET, addr: LOOPBACK, netif: 0 });
  t.true(ep.port > 0);
});

test('an unbound sock is bound by its first send', async (t) => {
  const other = openUdp(t);
  const { udp } = open(t, null);
  t.is(say(await udp.recv(new Uint8Array(8), 0)), '-EADDRNOTAVAIL');
  t.is(await udp.send(Buffer.from('first'), local(other)), 5);
  t.is((await receive(other)).remote.port, local(udp).port);
});

test('a connected sock tells its remote, sends there, and hears nobody else', async (t) => {
  const [peer, stranger] = [openUdp(t), openUdp(t)];
  const { udp, res } = open(t, null, local(peer));
  t.is(res, '0');
  const ep = blank();
  t.is(udp.getRemote(ep), 0);
  t.deepEqual(ep, local(peer));
  t.is(await udp.send(Buffer.from('to the only peer')), 16);
  t.is((await receive(peer)).text, 'to the only peer');
  t.is(say(await udp.send(Buffer.from('elsewhere'), local(stranger))), '-EINVAL');
  await stranger.send(Buffer.from('not heard'), local(udp));
  await peer.send(Buffer.from('heard'), local(udp));
  t.is((await receive(udp)).text, 'heard');
  t.is(say(openUdp(t).getRemote(ep)), '-ENOTCONN');
});

test('send refuses what it cannot send to', async (t) => {
  const udp = openUdp(t);
  const data = Buffer.from('x');
  const rows: [string, SockUdpEp | null, string][] = [
    ['no remote', null, '-ENOTCONN'],
    ['port 0', endpoint(0), '-EINVAL'],
    ['the unspecified address', endpoint(9, '0.0.0.0'), '-EINVAL'],
    ['an unknown family', { ...endpoint(9), family: 1 }, '-EAFNOSUPPORT'],
    ['text that is no address', endpoint(9, 'nowhere'), '-EINVAL'],
    ['IPv6 from a sock of IPv4', { ...V6_LOOPBACK, port: 9 }, '-EAFNOSUPPORT'],
  ];
  for (const [what, remote, expected] of rows) {
    t.is(say(await udp.send(data, remote)), expected, what);
    t.is(say(udp.trySend(data, remote)), expected, what);
    t.is(say(await udp.sendv([data], remote)), expected, what);
    t.is(say(udp.trySendv([data], remote)), expected, what);
  }
});

test('a datagram that is too long is not sent', async (t) => {
  const [a, b] = [openUdp(t), openUdp(t)];
  t.is(say(await a.send(new Uint8Array(65_508), local(b))), '-EMSGSIZE');
  t.is(await a.send(new Uint8Array(65_507), local(b)), 65_507);
  t.is(await b.recv(new Uint8Array(65_507), 5_000_000), 65_507);
});

test('no bytes are a datagram, too, and so are chunks', async (t) => {
  const [a, b] = [openUdp(t), openUdp(t)];
  t.is(await a.send(null, local(b)), 0);
  t.is(await a.sendv(null, local(b)), 0);
  t.is(await a.sendv([], local(b)), 0);
  t.is(await a.sendv([Buffer.from('in '), new Uint8Array(), Buffer.from('three')], local(b)), 8);
  for (const expected of ['', '', '', 'in three']) {
    const { res, text: got } = await receive(b);
    t.is(res, String(expected.length));
    t.is(got, expected);
  }
});

test('a datagram that is longer than the buffer is gone, and the buffer untouched', async (t) => {
  const [a, b] = [openUdp(t), openUdp(t)];
  await a.send(Buffer.from('far too long'), local(b));
  await a.send(Buffer.from('short'), local(b));
  const data = new Uint8Array(5).fill(7);
  t.is(say(await b.recv(data, 5_000_000)), '-ENOBUFS');
  t.deepEqual(data, new Uint8Array(5).fill(7));
  t.is(await b.recv(data, 5_000_000), 5);
  t.is(text(data), 'short');
});

test('recv gives up when its time is over, and not before', async (t) => {
  const udp = openUdp(t);
  const data = new Uint8Array(8);
  t.is(say(await udp.recv(data, 0)), '-EAGAIN');
  t.is(say(udp.tryRecv(data)), '-EAGAIN');
  const started = performance.now();
  t.is(say(await udp.recv(data, 30_000)), '-ETIMEDOUT');
  t.true(performance.now() - started >= 30);
  t.is(say(await udp.recv(data, -1)), '-EINVAL');
  t.is(say(await udp.recv(data, Number.NaN)), '-EINVAL');
});

test('waiting calls are served in call order', async (t) => {
  const [a, b] = [openUdp(t), openUdp(t)];
  const calls = ['first', 'second', 'third'].map(() => receive(b));
  for (const word of ['one', 'two', 'three']) await a.send(Buffer.from(word), local(b));
  t.deepEqual(
    (await Promise.all(calls)).map((call) => call.text),
    ['one', 'two', 'three'],
  );
});

test('a provided buffer holds the datagram until it is given back', async (t) => {
  const [a, b] = [openUdp(t), openUdp(t)];
  await a.send(Buffer.from('provided'), local(b));
  const buf: SockRecvBuf = { data: null, ctx: null };
  const remote = blank();
  t.is(await b.recvBuf(buf, 5_000_000, remote), 8);
  t.is(text(buf.data ?? new Uint8Array()), 'provided');
  t.is(remote.port, local(a).port);
  const { ctx } = buf;
  t.is(say(await a.recvBuf(buf, 0)), '-EINVAL', 'the context of another sock');
  t.is(await b.recvBuf(buf, 0), 0);
  t.deepEqual(buf, { data: null, ctx: null });
  t.is(say(await b.recvBuf({ data: null, ctx }, 0)), '-EINVAL', 'given back already');
  t.is(say(await b.recvBufAux({ data: null, ctx: null }, 0)), '-EAGAIN');
});

test('what could be told of a datagram has its flag cleared, signal strength keeps it', async (t) => {
  const [a, b] = [openUdp(t), openUdp(t)];
  const before = Date.now();
  await a.send(Buffer.from('x'), local(b));
  const asked = SOCK_AUX_GET_LOCAL | SOCK_AUX_GET_TIMESTAMP | SOCK_AUX_GET_RSSI | SOCK_AUX_GET_TTL;
  const aux: SockAux = { flags: asked };
  t.is((await receive(b, aux)).res, '1');
  t.deepEqual(aux.local, local(b));
  t.is(aux.rssi, undefined);
  t.is(aux.flags & SOCK_AUX_GET_RSSI, SOCK_AUX_GET_RSSI);
  t.is(aux.flags & SOCK_AUX_GET_LOCAL, 0);
  if (process.platform === 'linux') {
    t.is(aux.flags, SOCK_AUX_GET_RSSI);
    t.is(aux.ttl, 64);
    const ms = (aux.timestamp ?? 0) / 1e6;
    t.true(ms > before - 1000 && ms < Date.now() + 1000, `${ms}`);
  }
});

test('only what is asked for is filled', async (t) => {
  const [a, b] = [openUdp(t), openUdp(t)];
  await a.send(Buffer.from('x'), local(b));
  const aux: SockAux = { flags: 0 };
  t.is((await receive(b, aux)).res, '1');
  t.deepEqual(aux, { flags: 0 });
});

test('a datagram can leave from a chosen address', async (t) => {
  const receiver = openUdp(t);
  const { udp } = open(t, SOCK_IPV4_EP_ANY);
  const aux: SockAux = { flags: SOCK_AUX_SET_LOCAL, local: endpoint(0, '127.0.0.3') };
  // Of 127.0.0.0/8 every address is this host's.
  t.is(await udp.sendAux(Buffer.from('x'), local(receiver), aux), 1);
  t.is(aux.flags, 0);
  t.is((await receive(receiver)).remote.addr, '127.0.0.3');
  const foreign: SockAux = { flags: SOCK_AUX_SET_LOCAL, local: endpoint(0, '192.0.2.1') };
  t.true((await udp.sendAux(Buffer.from('x'), local(receiver), foreign)) < 0);
  t.is(foreign.flags, SOCK_AUX_SET_LOCAL);
});

test('a dual-stack sock shows IPv4 peers as IPv4', async (t) => {
  const { udp, res } = open(t, SOCK_IPV6_EP_ANY);
  t.is(res, '0');
  const { port } = local(udp);
  const four = openUdp(t);
  await four.send(Buffer.from('four'), endpoint(port));
  t.deepEqual(await receive(udp), { res: '4', text: 'four', remote: local(four) });
  t.is(await udp.send(Buffer.from('back'), local(four)), 4);
  t.is((await receive(four)).text, 'back');
  const { udp: six } = open(t, V6_LOOPBACK);
  await six.send(Buffer.from('six'), { ...V6_LOOPBACK, port });
  t.deepEqual(await receive(udp), { res: '3', text: 'six', remote: local(six) });
});

test('addresses may be bytes, and come as canonical text', async (t) => {
  const bytes = { family: AF_INET6, addr: new Uint8Array(16).fill(1, 15), port: 0, netif: 0 };
  const { udp, res } = open(t, bytes);
  t.is(res, '0');
  t.is(local(udp).addr, '::1');
  const { udp: four } = open(t, { ...endpoint(0), addr: new Uint8Array([127, 0, 0, 1]) });
  t.is(local(four).addr, LOOPBACK);
  t.is(await four.send(Buffer.from('x'), { ...local(four), addr: new Uint8Array([127, 0, 0, 1]) }), 1);
});

test('link-local addresses are reached through their interface', async (t) => {
  const found = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find((address) => address.family === 'IPv6' && address.address.startsWith('fe80:') && address.scopeid);
  if (found === undefined || found.family !== 'IPv6') {
    // Without such an address here, the interface index still has to be one that exists.
    t.is(open(t, { ...V6_LOOPBACK, addr: 'fe80::1', netif: 4_000_000 }).res, '-EINVAL');
    return;
  }
  const ep = { family: AF_INET6, addr: found.address, port: 0, netif: found.scopeid ?? 0 };
  const { udp, res } = open(t, ep);
  t.is(res, '0');
  t.is(local(udp).netif, ep.netif);
  t.is(await udp.send(Buffer.from('x'), local(udp)), 1);
  t.is((await receive(udp)).remote.netif, ep.netif);
});

test('close ends waiting calls with -EINVAL, and twice is harmless', async (t) => {
  const udp = openUdp(t);
  const waiting = udp.recv(new Uint8Array(8), SOCK_NO_TIMEOUT);
  udp.close();
  udp.close();
  t.is(say(await waiting), '-EINVAL');
  t.is(say(await udp.recv(new Uint8Array(8))), '-EINVAL');
  t.is(say(await udp.send(Buffer.from('x'), endpoint(9))), '-EINVAL');
  t.is(say(udp.getLocal(blank())), '-EADDRNOTAVAIL');
  t.is(say(udp.getRemote(blank())), '-ENOTCONN');
});

test('while a DTLS sock uses a UDP sock, nobody else reads from it', async (t) => {
  const udp = openUdp(t);
  const waiting = udp.recv(new Uint8Array(8), SOCK_NO_TIMEOUT);
  const { sock } = server(t, [], {}, udp);
  t.is(say(await waiting), '-EINVAL');
  t.is(say(await udp.recv(new Uint8Array(8), 0)), '-EINVAL');
  t.is(say(udp.tryRecv(new Uint8Array(8))), '-EINVAL');
  t.is(say(await udp.recvBuf({ data: null, ctx: null }, 0)), '-EINVAL');
  sock.close();
  t.is(say(udp.tryRecv(new Uint8Array(8))), '-EAGAIN');
});

test('a peer that no route leads to is -EHOSTUNREACH', async (t) => {
  const { udp } = open(t, SOCK_IPV6_EP_ANY);
  // Link-local on the loopback interface, where no such network is.
  const nowhere = { ...V6_LOOPBACK, addr: 'fe80::dead:1', port: 9, netif: LOOPBACK_INDEX };
  t.is(say(await udp.send(Buffer.from('x'), nowhere)), '-EHOSTUNREACH');
});

test('a connected sock sends on when its peer was away', async (t) => {
  const away = openUdp(t);
  const ep = local(away);
  away.close();
  const { udp } = open(t, null, ep);
  // The system tells of each refused datagram at the next one.
  for (let i = 0; i < 6; i++) {
    t.is(say(udp.trySend(Buffer.from('x'))), '1');
    await new Promise((resolve) => setTimeout(resolve, 5));
    t.is(say(udp.tryRecv(new Uint8Array(8))), '-EAGAIN');
  }
});

test('error numbers are those of the host', (t) => {
  const host: Record<string, number> = constants.errno;
  for (const [name, value] of Object.entries(errno)) {
    t.true(value > 0, name);
    if (host[name] !== undefined) t.is(value, host[name], name);
  }
});
