import test, { type ExecutionContext } from 'ava';
import { CREDMAN_TAG_EMPTY } from '../../index.js';
import { answerTo, CODE, decodeCoap, encodeCoap, TYPE } from '../peers/coap.js';
import { addPsk } from '../peers/keys.js';
import { OurClient, OurServer } from '../peers/ours.js';
import { freePort } from '../peers/ports.js';
import { Tool } from '../peers/tool.js';

const IDENTITY = 'node-17';
const KEY = 'correct horse';
/** libcoap's tools come with a TLS library each. */
const builds = ['openssl', 'gnutls'];

/** A CoAP server on our sock: it knows one resource, and sends back what is posted. */
function coapServer(t: ExecutionContext): OurServer {
  return new OurServer(t, [addPsk(t, IDENTITY, KEY)], {}, (bytes) => {
    const request = decodeCoap(bytes);
    if (request.code === CODE.post) return answerTo(request, CODE.content, request.payload);
    if (request.code !== CODE.get) return null;
    return request.path === 'greenhouse/temp'
      ? answerTo(request, CODE.content, '21.5 C')
      : answerTo(request, CODE.notFound, '');
  });
}

function coapClient(t: ExecutionContext, build: string, uri: string, ...more: string[]): Tool {
  return Tool.start(t, `coap-client-${build}`, ['-B', '10', '-u', IDENTITY, '-k', KEY, ...more, uri]);
}

/** Their server, which listens for DTLS at the returned port. */
async function theirServer(t: ExecutionContext, build: string, ...more: string[]): Promise<number> {
  const port = await freePort();
  const args = ['-A', '127.0.0.1', '-p', String(port), '-k', KEY, '-v', '7', ...more];
  const tool = Tool.start(t, `coap-server-${build}`, args);
  await tool.waitFor(/DTLS/);
  return port + 1;
}

/** Asks their server with GET: the answer. */
async function get(ours: OurClient, path: string, messageId: number) {
  const token = Buffer.from(`t${messageId}`);
  const request = {
    type: TYPE.confirmable,
    code: CODE.get,
    messageId,
    token,
    path,
    payload: Buffer.alloc(0),
  };
  await ours.send(encodeCoap(request));
  const answer = decodeCoap(await ours.receive());
  return { ...answer, token: answer.token.toString(), text: Buffer.from(answer.payload).toString() };
}

for (const build of builds) {
  test(`coap-client-${build} reads a resource of our server`, async (t) => {
    const ours = coapServer(t);
    const theirs = coapClient(t, build, `coaps://127.0.0.1:${ours.port}/greenhouse/temp`);
    t.is(await theirs.end(), 0, theirs.output);
    t.regex(theirs.output, /21\.5 C/);
    const info = await ours.handshake();
    t.is(Buffer.from(info.pskIdentity ?? []).toString(), IDENTITY);
    t.true(info.extendedMasterSecret);
  });

  test(`coap-client-${build} is told what our server does not have`, async (t) => {
    const ours = coapServer(t);
    const theirs = coapClient(t, build, `coaps://127.0.0.1:${ours.port}/nothing`);
    await theirs.end();
    t.regex(theirs.output, /4\.04/);
  });

  test(`coap-client-${build} gets back what it posts`, async (t) => {
    const ours = coapServer(t);
    const uri = `coaps://127.0.0.1:${ours.port}/echo`;
    const theirs = coapClient(t, build, uri, '-m', 'post', '-e', 'posted over DTLS');
    t.is(await theirs.end(), 0, theirs.output);
    t.regex(theirs.output, /posted over DTLS/);
  });

  test(`coap-client-${build} with a wrong key gets nothing, the next one is served`, async (t) => {
    const ours = coapServer(t);
    const uri = `coaps://127.0.0.1:${ours.port}/greenhouse/temp`;
    const wrong = Tool.start(t, `coap-client-${build}`, ['-B', '3', '-u', IDENTITY, '-k', 'wrong', uri]);
    await wrong.end();
    t.notRegex(wrong.output, /21\.5 C/);
    t.is(ours.sock.stats().handshakesCompleted, 0);
    const right = coapClient(t, build, uri);
    t.is(await right.end(), 0, right.output);
    t.regex(right.output, /21\.5 C/);
  });

  test(`our client reads the resources of coap-server-${build}`, async (t) => {
    const port = await theirServer(t, build);
    const ours = new OurClient(t, [addPsk(t, IDENTITY, KEY)]);
    const info = await ours.established(port);
    t.is(Buffer.from(info.pskIdentity ?? []).toString(), IDENTITY);
    const root = await get(ours, '/', 1);
    t.like(root, { type: TYPE.acknowledgement, code: CODE.content, messageId: 1, token: 't1' });
    t.regex(root.text, /libcoap/);
    t.like(await get(ours, 'no/such/thing', 2), { code: CODE.notFound, messageId: 2, token: 't2' });
  });

  test(`the hint of coap-server-${build} chooses the credential`, async (t) => {
    const port = await theirServer(t, build, '-h', 'pump house');
    const wrong = addPsk(t, 'somebody', 'another key');
    const right = addPsk(t, IDENTITY, KEY, 'pump house');
    const ours = new OurClient(t, [wrong, right]);
    const hints: (string | null)[] = [];
    ours.sock.setClientPskCb((_sock, _ep, _tags, hint) => {
      hints.push(hint);
      return CREDMAN_TAG_EMPTY;
    });
    await ours.established(port);
    t.deepEqual(hints, ['pump house']);
    t.is((await get(ours, '/', 7)).code, CODE.content);
  });
}
