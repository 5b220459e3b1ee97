// A process that serves with one subject: server.mjs <subject> <auth>. Tells { port }, and answers each message with what it has received,
// how much memory it takes, and how many first hellos it has answered.

import { subjects } from './subjects.mjs';

const [, , name, auth] = process.argv;
const state = await subjects[name].serve(auth);
process.on('message', () => {
  global.gc?.();
  const answered = state.stats?.().helloVerifyRequests;
  process.send({ received: state.received, resident: process.memoryUsage.rss(), answered });
});
process.on('disconnect', () => process.exit(0));
process.send({ port: state.port });
