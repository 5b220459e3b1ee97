import test from 'ava';
import {
  CONFIG_DTLS_FORCE_EXTENDED_MASTER_SECRET,
  CONFIG_DTLS_FORCE_RENEGOTIATION_INFO,
  CREDMAN_TAG_EMPTY,
  DTLS_DEFAULT_PORT,
  DTLS_HANDSHAKE_BUFSIZE,
  errno,
  SOCK_DTLS_1_0,
  SOCK_DTLS_1_2,
  SOCK_DTLS_1_3,
  SOCK_DTLS_CLIENT,
  SOCK_DTLS_HANDSHAKE,
  SOCK_DTLS_SERVER,
  SOCK_NO_TIMEOUT,
  SockDtls,
  type SockDtlsOptions,
  SockDtlsSession,
  SockUdp,
  sockDtlsInit,
  strerror,
} from '../../index.js';
import { onEachEngine, withEngine } from '../helpers/engines.js';
import {
  addPsk,
  client,
  connect,
  endpoint,
  exchange,
  HANDSHAKE,
  identityOf,
  openUdp,
  say,
  server,
  until,
} from '../helpers/socks.js';
import { HANDSHAKE_TYPE, messageType, offeredSuites, recordHello, Wiretap } from '../helpers/wire.js';

const psk = { id: 'device', key: 'shared' };

test('the constants have the values of RIOT, and those that it leaves to the host', (t) => {
  t.deepEqual([SOCK_DTLS_CLIENT, SOCK_DTLS_SERVER], [1, 2]);
  t.deepEqual([SOCK_DTLS_1_0, SOCK_DTLS_1_2, SOCK_DTLS_1_3], [1, 2, 3]);
  t.is(SOCK_NO_TIMEOUT, 0xffffffff);
  t.is(SOCK_DTLS_HANDSHAKE, errno.EXDEV);
  t.is(DTLS_HANDSHAKE_BUFSIZE, 256);
  t.is(DTLS_DEFAULT_PORT, 20_220);
  t.true(CONFIG_DTLS_FORCE_EXTENDED_MASTER_SECRET);
  t.true(CONFIG_DTLS_FORCE_RENEGOTIATION_INFO);
});

test('results have names', (t) => {
  t.is(strerror(-errno.ETIMEDOUT), 'ETIMEDOUT');
  t.is(strerror(errno.ETIMEDOUT), 'ETIMEDOUT');
  t.is(strerror(-SOCK_DTLS_HANDSHAKE), 'SOCK_DTLS_HANDSHAKE');
  t.is(strerror(0), 'OK');
  t.is(strerror(-4711), 'Unknown error 4711');
  for (const [name, value] of Object.entries(errno)) {
    if (name !== 'EXDEV') t.is(strerror(-value), name);
  }
});

test('sockDtlsInit may be called any number of times', (t) => {
  for (let i = 0; i < 3; i++) t.is(sockDtlsInit(), undefined);
});

onEachEngine('create refuses unknown roles, versions that are not spoken, and tags that are none', (t) => {
  const udp = openUdp(t);
  const rows: [string, number, number, number][] = [
    ['no role', 0, SOCK_DTLS_1_2, 0],
    ['role 3', 0, SOCK_DTLS_1_2, 3],
    ['role -1', 0, SOCK_DTLS_1_2, -1],
    ['DTLS 1.0', 0, SOCK_DTLS_1_0, SOCK_DTLS_SERVER],
    ['DTLS 1.3', 0, SOCK_DTLS_1_3, SOCK_DTLS_SERVER],
    ['version 0', 0, 0, SOCK_DTLS_SERVER],
    ['version 1.5', 0, 1.5, SOCK_DTLS_SERVER],
    ['tag -1', -1, SOCK_DTLS_1_2, SOCK_DTLS_SERVER],
    ['tag 65536', 65_536, SOCK_DTLS_1_2, SOCK_DTLS_SERVER],
  ];
  for (const [what, tag, version, role] of rows) {
    const sock = new SockDtls(withEngine(t));
    t.is(sock.create(udp, tag, version, role), -1, what);
    t.is(sock.getUdpSock(), null, what);
  }
  // Nothing of that has taken the UDP sock.
  t.is(say(udp.tryRecv(new Uint8Array(8))), '-EAGAIN');
  const sock = new SockDtls(withEngine(t));
  t.is(sock.create(udp, 0, SOCK_DTLS_1_2, SOCK_DTLS_CLIENT), 0);
  t.is(sock.getUdpSock(), udp);
  sock.close();
});

onEachEngine('create refuses a UDP sock that is closed, never was opened, or serves another sock', (t) => {
  const udp = openUdp(t);
  const first = server(t, [], {}, udp);
  const second = new SockDtls(withEngine(t));
  t.is(second.create(udp, 0, SOCK_DTLS_1_2, SOCK_DTLS_CLIENT), -1);
  t.is(second.create(new SockUdp(), 0, SOCK_DTLS_1_2, SOCK_DTLS_CLIENT), -1);
  first.sock.close();
  t.is(second.create(udp, 0, SOCK_DTLS_1_2, SOCK_DTLS_CLIENT), 0);
  t.is(second.create(udp, 0, SOCK_DTLS_1_2, SOCK_DTLS_CLIENT), -1, 'open already');
  second.close();
  udp.close();
  t.is(second.create(udp, 0, SOCK_DTLS_1_2, SOCK_DTLS_CLIENT), -1);
});

onEachEngine('tags stay in order, may repeat, and are handed out as a copy that nobody can change', (t) => {
  const { sock } = server(t, [7]);
  t.deepEqual([...sock.getCredentials()], [7]);
  for (const tag of [3, 9, 3, 1]) t.is(sock.addCredential(tag), 0);
  t.deepEqual([...sock.getCredentials()], [7, 3, 9, 3, 1]);
  t.is(sock.removeCredential(3), 0);
  t.deepEqual([...sock.getCredentials()], [7, 9, 3, 1]);
  t.is(sock.removeCredential(44), -1);
  t.is(sock.removeCredential(CREDMAN_TAG_EMPTY), -1);
  t.throws(() => (sock.getCredentials() as number[]).push(2), { instanceOf: TypeError });
  t.deepEqual([...sock.getCredentials()], [7, 9, 3, 1]);
});

onEachEngine('an empty tag begins an empty list, and no tag is added that is none', (t) => {
  const { sock } = server(t, []);
  t.deepEqual([...sock.getCredentials()], []);
  for (const tag of [CREDMAN_TAG_EMPTY, -1, 65_536, 1.5, Number.NaN]) t.is(sock.addCredential(tag), -1);
  t.deepEqual([...sock.getCredentials()], []);
});

onEachEngine('a list holds 65,535 tags and no more', (t) => {
  const { sock } = server(t, []);
  for (let tag = 1; tag <= 65_535; tag++) sock.addCredential(tag);
  t.is(sock.getCredentials().length, 65_535);
  t.is(sock.addCredential(5), -1);
  t.is(sock.removeCredential(5), 0);
  t.is(sock.addCredential(5), 0);
  t.is(sock.getCredentials().at(-1), 5);
});

onEachEngine('a hint is at most as long as the option says, 32 bytes by default', (t) => {
  const { sock } = server(t, []);
  t.is(sock.setServerPskIdHint('x'.repeat(32)), 0);
  t.is(sock.setServerPskIdHint('x'.repeat(33)), -1);
  t.is(sock.setServerPskIdHint('ä'.repeat(17)), -1, '34 bytes of UTF-8');
  t.is(sock.setServerPskIdHint(new Uint8Array(32)), 0);
  const long = server(t, [], { maxHintLength: 100 }).sock;
  t.is(long.setServerPskIdHint('x'.repeat(100)), 0);
  t.is(long.setServerPskIdHint('x'.repeat(101)), -1);
  t.is(long.setServerPskIdHint(null), 0);
});

onEachEngine('a server may start sessions, too, with another server', async (t) => {
  const a = server(t, [addPsk(t, psk)]);
  const b = server(t, [addPsk(t, psk)]);
  const { up, down } = await connect(a, b);
  await exchange(a, b, { up, down });
  t.is(identityOf(b, down), 'device');
});

onEachEngine('a client drops foreign ClientHellos without a word', async (t) => {
  const a = client(t, [addPsk(t, psk)], { retransmitMs: 50, handshakeLifetimeMs: 300 });
  const b = client(t, [addPsk(t, psk)]);
  t.is((await a.attempt(b.port)).res, '-ETIMEDOUT');
  t.true(b.count('hellosDropped') >= 2);
  t.is(b.count('datagramsSent'), 0);
  t.is(b.count('sessions'), 0);
});

onEachEngine('before create and after close every call says that the sock is not open', async (t) => {
  const { sock, udp } = client(t, [addPsk(t, psk)]);
  const never = new SockDtls(withEngine(t));
  sock.close();
  const session = new SockDtlsSession();
  session.setUdpEp(endpoint(9));
  const data = new Uint8Array(8);
  for (const closed of [never, sock]) {
    t.is(closed.addCredential(1), -1);
    t.is(closed.removeCredential(1), -1);
    t.is(closed.setServerPskIdHint('x'), -1);
    t.deepEqual([...closed.getCredentials()], []);
    t.is(say(closed.sessionInit(endpoint(9), new SockDtlsSession())), '-EINVAL');
    t.is(closed.sessionInfo(session), null);
    t.notThrows(() => closed.sessionDestroy(session));
    t.is(say(await closed.recv(session, data, 1000)), '-EINVAL');
    t.is(say(closed.tryRecv(session, data)), '-EINVAL');
    t.is(say(await closed.recvBuf(session, { data: null, ctx: null }, 1000)), '-EINVAL');
    t.is(say(await closed.send(session, data, 1000)), '-EINVAL');
    t.is(say(await closed.sendv(session, [data], 1000)), '-EINVAL');
    t.is(say(closed.trySend(session, data)), '-EINVAL');
    t.is(say(closed.trySendv(session, [data])), '-EINVAL');
    t.false(closed.getEventSession(session));
    t.notThrows(() => closed.close());
  }
  t.is(never.getUdpSock(), null);
  t.is(sock.getUdpSock(), udp);
});

onEachEngine(
  'close says goodbye to every peer, ends waiting calls, and leaves the UDP sock for another',
  async (t) => {
    const other = server(t, [addPsk(t, psk)]);
    const away = openUdp(t);
    const own = client(t, [addPsk(t, psk)]);
    await connect(own, other);
    const waiting = own.next();
    const handle = new SockDtlsSession();
    const ep = endpoint(0);
    t.is(away.getLocal(ep), 0);
    handle.setUdpEp(ep);
    const sending = own.sock.send(handle, Buffer.from('x'), SOCK_NO_TIMEOUT);
    own.sock.close();
    t.is((await waiting).res, '-EINVAL');
    t.is(say(await sending), '-EINVAL');
    await until(() => other.count('sessions') === 0, 'the peer learns of the end');
    t.is(own.count('sessions'), 0);

    const again = client(t, [addPsk(t, psk)], {}, own.udp);
    t.is(again.port, own.port);
    await connect(again, other);
  },
);

onEachEngine('a sock can be created again after close, with a list and callbacks of its own', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const { sock, udp } = client(t, [addPsk(t, psk), 5]);
  sock.setClientPskCb(() => {
    t.fail('the callback of before was asked');
    return 0;
  });
  sock.close();
  const tag = addPsk(t, psk);
  t.is(sock.create(udp, tag, SOCK_DTLS_1_2, SOCK_DTLS_CLIENT), 0);
  t.deepEqual([...sock.getCredentials()], [tag]);
  const session = new SockDtlsSession();
  t.is(sock.sessionInit(endpoint(other.port), session), 1);
  t.is(say(await sock.recv(session, new Uint8Array(8), 20_000_000)), HANDSHAKE);
});

onEachEngine(
  'a UDP sock that is closed closes the DTLS sock that uses it, which says goodbye first',
  async (t) => {
    const other = server(t, [addPsk(t, psk)]);
    const own = client(t, [addPsk(t, psk)]);
    await connect(own, other);
    const waiting = own.next();
    own.udp.close();
    t.is((await waiting).res, '-EINVAL');
    t.is(say(own.sock.tryRecv(new SockDtlsSession(), new Uint8Array(8))), '-EINVAL');
    await until(() => other.count('sessions') === 0, 'the peer learns of the end');
  },
);

test('options have the meaning that they are documented with', (t) => {
  t.throws(() => new SockDtls({ engine: 'openssl' as never }), {
    instanceOf: RangeError,
    message: /openssl/,
  });
  t.throws(() => new SockDtls({ verify: true } as SockDtlsOptions), { instanceOf: TypeError });
  t.throws(() => new SockDtls({ suites: ['TLS_NULL_WITH_NULL_NULL'] }), { instanceOf: RangeError });
  t.throws(() => new SockDtls({ suites: [] }), { instanceOf: RangeError });
  t.throws(() => new SockDtls({ mtu: 255 }), { instanceOf: RangeError });
  t.notThrows(() => new SockDtls({ engine: 'native', mtu: 256, suites: [0xc0a8], groups: ['x25519', 23] }));
});

onEachEngine(
  'suites are offered in the order of the option, those without a credential left out',
  async (t) => {
    const suites = [
      'TLS_PSK_WITH_AES_128_CCM_8',
      'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8',
      'TLS_PSK_WITH_AES_128_GCM_SHA256',
    ];
    const own = client(t, [addPsk(t, psk)], { suites });
    const hello = await recordHello(t, (port) => own.start(port));
    t.is(messageType(hello), HANDSHAKE_TYPE.clientHello);
    t.deepEqual(offeredSuites(hello), [0xc0a8, 0x00a8]);
  },
);

test('the server chooses the suite, by its own order', async (t) => {
  const [ccm, gcm] = ['TLS_PSK_WITH_AES_128_CCM_8', 'TLS_PSK_WITH_AES_128_GCM_SHA256'];
  for (const [order, chosen] of [
    [[ccm, gcm], ccm],
    [[gcm, ccm], gcm],
  ] as const) {
    const other = server(t, [addPsk(t, psk)], { suites: order });
    const own = client(t, [addPsk(t, psk)], { suites: [ccm, gcm] });
    const { up } = await connect(own, other);
    t.is(own.sock.sessionInfo(up)?.suite, chosen);
  }
});

test('by default forward secrecy goes first, then the fastest AEAD', async (t) => {
  const other = server(t, [addPsk(t, psk)]);
  const own = client(t, [addPsk(t, psk)]);
  const { up } = await connect(own, other);
  t.is(own.sock.sessionInfo(up)?.suite, 'TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256');
});

onEachEngine('an mtu bounds every datagram of a handshake', async (t) => {
  for (const mtu of [256, 300, 576]) {
    const other = server(t, [addPsk(t, { ...psk, id: 'i'.repeat(400) })], { mtu });
    const wiretap = await Wiretap.open(t, other.port);
    const own = client(t, [addPsk(t, { ...psk, id: 'i'.repeat(400) })], { mtu });
    await connect(own, other, wiretap.port);
    for (const { data } of wiretap.log) t.true(data.length + 48 <= mtu, `${data.length} bytes`);
    t.is(own.count('handshakesCompleted'), 1);
  }
});
