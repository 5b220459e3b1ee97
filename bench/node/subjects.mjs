// The subjects by the names that the tables show.

import { dgram } from './dgram.mjs';
import { native, sockUdp, webrtc } from './sock.mjs';
import { nodeDtlsClient, nodertc, werift } from './typescript.mjs';

export const subjects = {
  'sock-dtls native': native,
  'sock-dtls webrtc-dtls': webrtc,
  'node-dtls-client': nodeDtlsClient,
  'werift-dtls': werift,
  '@nodertc/dtls': nodertc,
  'node:dgram': dgram,
  SockUdp: sockUdp,
};
