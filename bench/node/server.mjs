// A process that serves with one subject: server.mjs <subject> <auth>. Tells { port }, and answers each message with what it has received and how
// much memory it takes.

import { subjects } from './subjects.mjs';

const [, , name, auth] = process.argv;
const state = await subjects[name].serve(auth);
process.on('message', () => {
  global.gc?.();
  process.send({ received: state.received, resident: process.memoryUsage.rss(), cpu: process.cpuUsage() });
});
process.on('disconnect', () => process.exit(0));
process.send({ port: state.port });
