/**
 * As much of CoAP (RFC 7252) as a request and its piggybacked answer need.
 */

export const TYPE = { confirmable: 0, nonConfirmable: 1, acknowledgement: 2, reset: 3 } as const;
export const CODE = { empty: 0x00, get: 0x01, post: 0x02, put: 0x03, content: 0x45, notFound: 0x84 } as const;

const URI_PATH = 11;
const PAYLOAD_MARKER = 0xff;

/** A message. */
export interface CoapMessage {
  type: number;
  code: number;
  messageId: number;
  token: Uint8Array;
  /** The Uri-Path options, joined. */
  path: string;
  payload: Uint8Array;
}

/** Reads a message; throws for what is none. */
export function decodeCoap(bytes: Uint8Array): CoapMessage {
  const data = Buffer.from(bytes);
  const first = data.readUInt8(0);
  if (first >> 6 !== 1) throw new Error('not CoAP');
  const tokenEnd = 4 + (first & 0x0f);
  const segments: string[] = [];
  let at = tokenEnd;
  let option = 0;
  while (at < data.length && data[at] !== PAYLOAD_MARKER) {
    const head = data.readUInt8(at++);
    const extended = (nibble: number): number => {
      if (nibble < 13) return nibble;
      if (nibble === 13) return data.readUInt8(at++) + 13;
      if (nibble === 15) throw new Error('a reserved option header');
      at += 2;
      return data.readUInt16BE(at - 2) + 269;
    };
    option += extended(head >> 4);
    const length = extended(head & 0x0f);
    if (option === URI_PATH) segments.push(data.toString('utf8', at, at + length));
    at += length;
  }
  return {
    type: (first >> 4) & 3,
    code: data.readUInt8(1),
    messageId: data.readUInt16BE(2),
    token: data.subarray(4, tokenEnd),
    path: segments.join('/'),
    payload: data.subarray(at + 1),
  };
}

/** Writes a message; path segments have at most 12 bytes each. */
export function encodeCoap({ type, code, messageId, token, path, payload }: CoapMessage): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt8((1 << 6) | (type << 4) | token.length);
  head.writeUInt8(code, 1);
  head.writeUInt16BE(messageId, 2);
  const options: Buffer[] = [];
  let delta = URI_PATH;
  for (const segment of path.split('/').filter((part) => part !== '')) {
    const value = Buffer.from(segment);
    if (value.length > 12) throw new Error('a path segment that is too long');
    options.push(Buffer.of((delta << 4) | value.length), value);
    delta = 0;
  }
  const body = payload.length > 0 ? [Buffer.of(PAYLOAD_MARKER), payload] : [];
  return Buffer.concat([head, token, ...options, ...body]);
}

/** The answer that goes with the acknowledgement of a request. */
export function answerTo(request: CoapMessage, code: number, payload: string | Uint8Array): Uint8Array {
  const { messageId, token } = request;
  const type = request.type === TYPE.confirmable ? TYPE.acknowledgement : TYPE.nonConfirmable;
  return encodeCoap({ type, code, messageId, token, path: '', payload: Buffer.from(payload) });
}
