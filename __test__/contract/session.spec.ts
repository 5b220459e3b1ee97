import test from 'ava';
import {
  AF_INET,
  AF_UNSPEC,
  CREDMAN_TAG_EMPTY,
  SOCK_DTLS_1_2,
  SOCK_DTLS_CLIENT,
  SOCK_IPV6_EP_ANY,
  SockDtls,
  SockDtlsSession,
  SockUdp,
} from '../../index.js';
import { onEachEngine, withEngine } from '../helpers/engines.js';
import {
  addPsk,
  client,
  connect,
  endpoint,
  exchange,
  HANDSHAKE,
  LOOPBACK,
  openUdp,
  portOf,
  say,
  server,
  text,
  until,
} from '../helpers/socks.js';
import { CONTENT, openSocket, records, Wiretap } from '../helpers/wire.js';

const psk = { id: 'device', key: 'shared' };

onEachEngine(
  'sessionInit gives 1 for a new handshake, 0 while it runs and once it is complete',
  async (t) => {
    const other = server(t, [addPsk(t, psk)]);
    const own = client(t, [addPsk(t, psk)]);
    const ep = endpoint(other.port);
    t.is(own.sock.sessionInit(ep, new SockDtlsSession()), 1);
    const handle = new SockDtlsSession();
    t.is(own.sock.sessionInit(ep, handle), 0);
    t.is(portOf(handle), other.port);
    t.is((await own.next()).res, HANDSHAKE);
    t.is(own.sock.sessionInit(ep, handle), 0);
    t.is(own.count('sessions'), 1);
    t.is(own.count('handshakesCompleted'), 1);
  },
);

onEachEngine('sessionInit refuses what is no peer', (t) => {
  const own = client(t, [addPsk(t, psk)]);
  const rows: [string, ReturnType<typeof endpoint>][] = [
    ['port 0', endpoint(0)],
    ['a port too high', endpoint(70_000)],
    ['an unknown family', { ...endpoint(9), family: 3 }],
    ['no family', { ...endpoint(9), family: AF_UNSPEC }],
    ['an address that is none', endpoint(9, 'localhost')],
    ['the unspecified address', endpoint(9, '0.0.0.0')],
    ['a multicast address', endpoint(9, '224.0.0.1')],
    ['IPv6 from a sock of IPv4', { ...SOCK_IPV6_EP_ANY, addr: '::1', port: 9 }],
  ];
  for (const [what, ep] of rows) {
    const handle = new SockDtlsSession();
    t.is(say(own.sock.sessionInit(ep, handle)), '-EINVAL', what);
    t.is(portOf(handle), 0, what);
  }
  t.is(own.count('sessions'), 0);
  t.is(own.count('datagramsSent'), 0);
});

onEachEngine('without a local endpoint there is no session', async (t) => {
  const udp = new SockUdp();
  t.is(udp.create(null, null, 0), 0);
  const sock = new SockDtls(withEngine(t));
  t.is(sock.create(udp, addPsk(t, psk), SOCK_DTLS_1_2, SOCK_DTLS_CLIENT), 0);
  t.teardown(() => udp.close());
  const handle = new SockDtlsSession();
  t.is(say(sock.sessionInit(endpoint(9), handle)), '-EADDRNOTAVAIL');
  t.is(say(sock.tryRecv(handle, new Uint8Array(8))), '-EADDRNOTAVAIL');
  t.is(say(await sock.recv(handle, new Uint8Array(8), 1000)), '-EADDRNOTAVAIL');
  handle.setUdpEp(endpoint(9));
  t.is(say(await sock.send(handle, Buffer.from('x'), 1000)), '-EADDRINUSE');
  t.is(say(sock.trySend(handle, Buffer.from('x'))), '-EADDRINUSE');
});

onEachEngine('there are no more sessions than the limit, and room again when one ends', async (t) => {
  const others = [1, 2, 3].map(() => server(t, [addPsk(t, psk)]));
  const own = client(t, [addPsk(t, psk)], { maxSessions: 2 });
  const handles = [];
  for (const other of others.slice(0, 2)) handles.push((await connect(own, other)).up);
  const last = endpoint(others[2]?.port ?? 0);
  t.is(say(own.sock.sessionInit(last, new SockDtlsSession())), '-ENOMEM');
  const handle = new SockDtlsSession();
  handle.setUdpEp(last);
  t.is(say(await own.sock.send(handle, Buffer.from('x'), 1000)), '-ENOMEM');
  own.sock.sessionDestroy(handles[0] as SockDtlsSession);
  t.is(own.sock.sessionInit(last, new SockDtlsSession()), 1);
  t.is((await own.next()).res, HANDSHAKE);
});

onEachEngine('a server takes no more sessions than its limit', async (t) => {
  const other = server(t, [addPsk(t, psk)], { maxSessions: 1 });
  const first = client(t, [addPsk(t, psk)]);
  const second = client(t, [addPsk(t, psk)], { retransmitMs: 50, handshakeLifetimeMs: 400 });
  const session = await connect(first, other);
  t.is((await second.attempt(other.port)).res, '-ETIMEDOUT');
  t.true(other.count('hellosRefused') >= 1);
  await exchange(first, other, session);
});

onEachEngine('sessionDestroy tells the peer, frees at once, and says nothing to its own sock', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const wiretap = await Wiretap.open(t, other.port);
  const own = client(t, [addPsk(t, psk)]);
  const { up } = await connect(own, other, wiretap.port);
  own.sock.sessionDestroy(up);
  t.is(own.count('sessions'), 0);
  t.is(own.sock.sessionInfo(up), null);
  t.is(say(own.sock.trySend(up, Buffer.from('x'))), '-ENOTCONN');
  const isAlert = (data: Buffer) => records(data)[0]?.type === CONTENT.alert;
  await wiretap.seen(true, isAlert, 'a close_notify');
  await until(() => other.count('sessions') === 0, 'the peer has freed its session');
  t.is((await own.next(50_000)).res, '-ETIMEDOUT');
  t.is((await other.next(50_000)).res, '-ETIMEDOUT');
});

onEachEngine('sessionDestroy without a session does nothing', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const own = client(t, [addPsk(t, psk)]);
  const session = await connect(own, other);
  const stray = new SockDtlsSession();
  t.notThrows(() => own.sock.sessionDestroy(stray));
  stray.setUdpEp(endpoint(9));
  t.notThrows(() => own.sock.sessionDestroy(stray));
  await exchange(own, other, session);
});

onEachEngine('sessionDestroy ends a handshake under way, and nothing comes of it later', async (t) => {
  const sink = await openSocket(t);
  const own = client(t, [addPsk(t, psk)]);
  const handle = own.start(sink.address().port);
  t.is(own.count('sessions'), 1);
  own.sock.sessionDestroy(handle);
  t.is(own.count('sessions'), 0);
  t.is((await own.next(50_000)).res, '-ETIMEDOUT');
});

onEachEngine('a session can be started again after it was destroyed', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const own = client(t, [addPsk(t, psk)]);
  for (let round = 0; round < 5; round++) {
    const session = await connect(own, other);
    await exchange(own, other, session, `round ${round}`);
    own.sock.sessionDestroy(session.up);
  }
  t.is(own.count('handshakesCompleted'), 5);
});

onEachEngine('a handle is only a handle: it can be copied by its endpoint and used for others', async (t) => {
  const [one, two] = [server(t, [addPsk(t, psk)]), server(t, [addPsk(t, psk)])];
  const own = client(t, [addPsk(t, psk)]);
  await connect(own, one);
  await connect(own, two);
  const handle = new SockDtlsSession();
  for (const other of [one, two, one]) {
    handle.setUdpEp(endpoint(other.port));
    await own.send(handle, `to ${other.port}`);
    t.is((await other.next()).text, `to ${other.port}`);
  }
});

test('getUdpEp tells the endpoint of the peer, and none of a fresh handle', (t) => {
  const handle = new SockDtlsSession();
  const ep = endpoint(1);
  handle.getUdpEp(ep);
  t.like(ep, { family: AF_UNSPEC, port: 0 });
  handle.setUdpEp({ ...SOCK_IPV6_EP_ANY, addr: 'FE80:0:0::17', port: 5684, netif: 3 });
  handle.getUdpEp(ep);
  t.deepEqual(ep, { ...SOCK_IPV6_EP_ANY, addr: 'fe80::17', port: 5684, netif: 3 });
  handle.setUdpEp({ family: AF_INET, addr: new Uint8Array([127, 0, 0, 1]), port: 7, netif: 0 });
  handle.getUdpEp(ep);
  t.deepEqual(ep, endpoint(7, LOOPBACK));
});

onEachEngine('sessionInfo tells what was negotiated, and nothing before', async (t) => {
  const other = server(t, [addPsk(t, psk)], { suites: ['TLS_PSK_WITH_AES_128_CCM_8'] });
  const own = client(t, [addPsk(t, psk)]);
  const handle = own.start(other.port);
  t.is(own.sock.sessionInfo(handle), null);
  t.is((await own.next()).res, HANDSHAKE);
  t.deepEqual(own.sock.sessionInfo(handle), {
    suite: 'TLS_PSK_WITH_AES_128_CCM_8',
    suiteNumber: 0xc0a8,
    keyExchange: 'PSK',
    extendedMasterSecret: true,
    peerPublicKey: null,
    pskIdentity: new Uint8Array(Buffer.from('device')),
  });
});

onEachEngine('IPv6 and IPv4 peers are served by one dual-stack sock', async (t) => {
  const udp = new SockUdp();
  t.is(udp.create({ ...SOCK_IPV6_EP_ANY }, null, 0), 0);
  t.teardown(() => udp.close());
  const other = server(t, [addPsk(t, psk)], {}, udp);
  const four = client(t, [addPsk(t, psk)]);
  const session = await connect(four, other);
  const ep = endpoint(0);
  session.down.getUdpEp(ep);
  t.deepEqual(ep, endpoint(four.port));
  await exchange(four, other, session);

  const sixUdp = new SockUdp();
  t.is(sixUdp.create({ ...SOCK_IPV6_EP_ANY, addr: '::1' }, null, 0), 0);
  t.teardown(() => sixUdp.close());
  const six = client(t, [addPsk(t, psk)], {}, sixUdp);
  const handle = new SockDtlsSession();
  t.is(six.sock.sessionInit({ ...SOCK_IPV6_EP_ANY, addr: '::1', port: other.port }, handle), 1);
  t.is((await six.next()).res, HANDSHAKE);
  await six.send(handle, 'six');
  t.is((await other.next()).res, HANDSHAKE);
  const got = await other.next();
  t.is(got.text, 'six');
  got.session.getUdpEp(ep);
  t.deepEqual(ep, { ...SOCK_IPV6_EP_ANY, addr: '::1', port: six.port });
});

onEachEngine('a connected UDP sock carries DTLS to its only peer', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const udp = new SockUdp();
  t.is(udp.create(null, endpoint(other.port), 0), 0);
  t.teardown(() => udp.close());
  const own = client(t, [addPsk(t, psk)], {}, udp);
  const session = await connect(own, other);
  await exchange(own, other, session);
});

test('a client that comes back from the same address gets a new session in place of the old', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const udp = openUdp(t);
  const port = endpoint(0);
  t.is(udp.getLocal(port), 0);
  // A proxy that loses the goodbye, as a crash would.
  const wiretap = await Wiretap.open(t, other.port);
  const first = client(t, [addPsk(t, psk)], {}, udp);
  const old = await connect(first, other, wiretap.port);
  await exchange(first, other, old, 'before');
  wiretap.filter = () => false;
  first.sock.close();
  wiretap.filter = () => true;
  const second = client(t, [addPsk(t, psk)], {}, udp);
  const session = await connect(second, other, wiretap.port);
  t.is(other.count('sessions'), 1);
  await exchange(second, other, session, 'after');
});

onEachEngine('credentials are looked at when a handshake begins, not before', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const own = client(t, []);
  t.is(say(own.sock.sessionInit(endpoint(other.port), new SockDtlsSession())), '-ECONNABORTED');
  t.is(own.sock.addCredential(addPsk(t, psk)), 0);
  t.is((await own.attempt(other.port)).res, HANDSHAKE);
  t.not(own.sock.getCredentials()[0], CREDMAN_TAG_EMPTY);
  t.is(text(own.sock.sessionInfo((await other.next()).session)?.pskIdentity ?? new Uint8Array()), '');
});
