/**
 * What goes over the wire: a proxy that records it, and enough of the formats (RFC 6347) to look into it.
 */

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { LOOPBACK, type Teardown, until } from './socks.js';

export const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;
export const HANDSHAKE_TYPE = {
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
} as const;
export const ALERT = { closeNotify: 0, handshakeFailure: 40, badCertificate: 42, decryptError: 51 } as const;

/** A record. */
export interface WireRecord {
  type: number;
  epoch: number;
  sequence: number;
  body: Buffer;
}

/** The records of a datagram. */
export function records(datagram: Buffer): WireRecord[] {
  const found: WireRecord[] = [];
  let at = 0;
  while (at + 13 <= datagram.length) {
    const length = datagram.readUInt16BE(at + 11);
    found.push({
      type: datagram.readUInt8(at),
      epoch: datagram.readUInt16BE(at + 3),
      sequence: datagram.readUIntBE(at + 5, 6),
      body: datagram.subarray(at + 13, at + 13 + length),
    });
    at += 13 + length;
  }
  return found;
}

/** The type of the handshake message that a datagram begins with, when it is in clear. */
export function messageType(datagram: Buffer): number | null {
  const [first] = records(datagram);
  return first?.type === CONTENT.handshake && first.epoch === 0 ? (first.body[0] ?? null) : null;
}

/** The cipher suites of a ClientHello. */
export function offeredSuites(datagram: Buffer): number[] {
  const [hello] = records(datagram);
  if (hello === undefined || messageType(datagram) !== HANDSHAKE_TYPE.clientHello)
    throw new Error('no ClientHello');
  let at = 12 + 2 + 32;
  at += 1 + hello.body.readUInt8(at);
  at += 1 + hello.body.readUInt8(at);
  const length = hello.body.readUInt16BE(at);
  const suites: number[] = [];
  for (let i = 0; i < length; i += 2) suites.push(hello.body.readUInt16BE(at + 2 + i));
  return suites;
}

/** A datagram socket of Node's own on the loopback address. */
export async function openSocket(t: Teardown, port = 0, addr = LOOPBACK): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, addr);
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return socket;
}

/** A datagram on its way. */
export interface Datagram {
  toServer: boolean;
  /** The address that it came from. */
  sender: string;
  data: Buffer;
}

/** What becomes of a datagram: it goes on as it is (true), not at all (false), or as these instead. */
export type Fate = boolean | readonly Buffer[];

/** Stands between one client and one server. */
export class Wiretap {
  /** All that has come, before `filter` saw it. */
  readonly log: Datagram[] = [];
  filter: (datagram: Datagram) => Fate = () => true;
  readonly #front: Socket;
  readonly #back: Socket;
  readonly #serverPort: number;
  #clientPort = 0;

  private constructor(front: Socket, back: Socket, serverPort: number) {
    this.#front = front;
    this.#back = back;
    this.#serverPort = serverPort;
    front.on('message', (data, { address, port }) => {
      this.#clientPort = port;
      this.#pass({ toServer: true, sender: address, data });
    });
    back.on('message', (data, { address }) => this.#pass({ toServer: false, sender: address, data }));
  }

  static async open(t: Teardown, serverPort: number): Promise<Wiretap> {
    return new Wiretap(await openSocket(t), await openSocket(t), serverPort);
  }

  /** The port that stands for the server. */
  get port(): number {
    return this.#front.address().port;
  }

  /** The port that stands for the client. */
  get clientPort(): number {
    return this.#back.address().port;
  }

  toServer(data: Buffer): void {
    this.#back.send(data, this.#serverPort, LOOPBACK);
  }

  toClient(data: Buffer): void {
    this.#front.send(data, this.#clientPort, LOOPBACK);
  }

  /** The datagrams of one direction. */
  sent(toServer: boolean): Buffer[] {
    return this.log.filter((datagram) => datagram.toServer === toServer).map(({ data }) => data);
  }

  /** The alerts in clear of one direction, each as level and description. */
  alerts(toServer: boolean): number[][] {
    return this.sent(toServer)
      .flatMap(records)
      .filter(({ type, epoch }) => type === CONTENT.alert && epoch === 0)
      .map(({ body }) => [...body]);
  }

  /** Waits for a datagram of one direction. */
  async seen(toServer: boolean, wanted: (data: Buffer) => boolean, what: string): Promise<Buffer> {
    await until(() => this.sent(toServer).some(wanted), what);
    return this.sent(toServer).find(wanted) as Buffer;
  }

  #pass(datagram: Datagram): void {
    this.log.push(datagram);
    const fate = this.filter(datagram);
    const out = fate === true ? [datagram.data] : fate || [];
    for (const data of out) datagram.toServer ? this.toServer(data) : this.toClient(data);
  }
}

/** A ClientHello without a cookie, as a client's sock sends it. */
export async function recordHello(t: Teardown, start: (port: number) => void): Promise<Buffer> {
  const sink = await openSocket(t);
  const heard = once(sink, 'message');
  start(sink.address().port);
  const [datagram] = (await heard) as [Buffer];
  return datagram;
}
