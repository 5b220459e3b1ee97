import test, { type ExecutionContext } from 'ava';
import type { SockDtlsOptions } from '../../index.js';
import { addPsk, client, connect, exchange, server } from '../helpers/socks.js';
import { Wiretap } from '../helpers/wire.js';

// The crate `dtls` against our own engine, in one process.

const psk = { id: 'device', key: 'shared' };
const native: SockDtlsOptions = { engine: 'native', forceRenegotiationInfo: false };
const webrtc: SockDtlsOptions = { engine: 'webrtc-dtls', forceRenegotiationInfo: false };
const directions: [string, SockDtlsOptions, SockDtlsOptions][] = [
  ['a webrtc-dtls client and a native server', webrtc, native],
  ['a native client and a webrtc-dtls server', native, webrtc],
];
const suites = ['TLS_PSK_WITH_AES_128_GCM_SHA256', 'TLS_PSK_WITH_AES_128_CCM', 'TLS_PSK_WITH_AES_128_CCM_8'];

/** A handshake and messages both ways; both sides tell the same of it. */
async function talks(t: ExecutionContext, from: SockDtlsOptions, to: SockDtlsOptions, suite?: string) {
  const other = server(t, [addPsk(t, psk)], to);
  const own = client(t, [addPsk(t, psk)], suite === undefined ? from : { ...from, suites: [suite] });
  const session = await connect(own, other);
  const [up, down] = [own.sock.sessionInfo(session.up), other.sock.sessionInfo(session.down)];
  t.deepEqual(up, down);
  t.true(up?.extendedMasterSecret);
  t.is(Buffer.from(up?.pskIdentity ?? []).toString(), psk.id);
  for (const message of ['x', 'a second one', 'y'.repeat(8000)]) await exchange(own, other, session, message);
  own.sock.sessionDestroy(session.up);
  t.is(other.count('recordsForged') + own.count('recordsForged'), 0);
  return up;
}

for (const [who, from, to] of directions) {
  for (const suite of suites) {
    test(`${who} talk over ${suite}`, async (t) => {
      t.is((await talks(t, from, to, suite))?.suite, suite);
    });
  }

  test(`${who} agree by themselves on what both can do`, async (t) => {
    t.is((await talks(t, from, to))?.suite, 'TLS_PSK_WITH_AES_128_GCM_SHA256');
  });

  test(`${who} with different keys get no session`, async (t) => {
    const other = server(t, [addPsk(t, psk)], to);
    const own = client(t, [addPsk(t, { ...psk, key: 'wrong' })], { ...from, retransmitMs: 50 });
    t.is((await own.attempt(other.port)).res, '-ECONNREFUSED');
    t.is(other.count('handshakesCompleted'), 0);
  });

  test(`${who} have any bytes for an identity and a key`, async (t) => {
    const strange = { id: new Uint8Array(500).fill(255), key: new Uint8Array(300) };
    const other = server(t, [addPsk(t, strange)], to);
    const own = client(t, [addPsk(t, strange)], from);
    const session = await connect(own, other);
    t.deepEqual(other.sock.sessionInfo(session.down)?.pskIdentity, strange.id);
    await exchange(own, other, session);
  });

  test(`${who} need no extended_master_secret when neither insists on it`, async (t) => {
    const relaxed = { forceExtendedMasterSecret: false };
    await talks(t, { ...from, ...relaxed }, { ...to, ...relaxed });
  });
}

test('a native server that insists on renegotiation_info serves a webrtc-dtls client, which sends it', async (t) => {
  t.truthy(await talks(t, webrtc, { engine: 'native' }));
});

test('a webrtc-dtls client cannot be nameless, and says nothing when it is', async (t) => {
  const nameless = { id: '', key: 'shared' };
  const other = server(t, [addPsk(t, nameless)], native);
  const own = client(t, [addPsk(t, nameless)], webrtc);
  t.is((await own.attempt(other.port)).res, '-ECONNABORTED');
  t.is(other.count('handshakesCompleted'), 0);
});

for (const [who, from, to] of directions) {
  test(`${who}: a forged alert in clear ends no session`, async (t) => {
    const other = server(t, [addPsk(t, psk)], to);
    const wiretap = await Wiretap.open(t, other.port);
    const own = client(t, [addPsk(t, psk)], from);
    const session = await connect(own, other, wiretap.port);
    // Fatal, of epoch 0, with a sequence number that was not used: the crate by itself believes it.
    const alert = Buffer.from('15fefd0000000000000fff00020228', 'hex');
    wiretap.toServer(alert);
    wiretap.toClient(alert);
    await exchange(own, other, session, 'still here');
    t.is(own.count('sessions') + other.count('sessions'), 2);
  });

  test(`${who}: what is no datagram of the session is passed over`, async (t) => {
    const other = server(t, [addPsk(t, psk)], to);
    const wiretap = await Wiretap.open(t, other.port);
    const own = client(t, [addPsk(t, psk)], from);
    const session = await connect(own, other, wiretap.port);
    await exchange(own, other, session, 'before');
    const [record] = wiretap.sent(true).slice(-1) as [Buffer];
    for (const junk of [Buffer.alloc(0), Buffer.alloc(300, 0xaa), record.subarray(0, 20), record]) {
      wiretap.toServer(junk);
    }
    await exchange(own, other, session, 'after');
    t.is(other.count('messagesReceived'), 2);
  });
}
