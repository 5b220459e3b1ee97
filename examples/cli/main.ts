/**
 * The program behind `npm start`.
 */

import { runClient } from './client.js';
import { runDemo } from './demo.js';
import { HELP, type Options, parseOptions, UsageError } from './options.js';
import { runServer } from './server.js';

async function run(options: Options): Promise<number> {
  switch (options.command) {
    case 'help':
      console.log(HELP);
      return 0;
    case 'server':
      return await runServer(options);
    case 'client':
      return await runClient(options);
    case 'demo':
      return await runDemo(options);
  }
}

try {
  process.exitCode = await run(parseOptions(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
