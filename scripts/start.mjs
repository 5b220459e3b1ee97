// npm start: installs and builds what is missing, then runs examples/cli.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { checkTools, main, root, run, stale } from './lib/project.mjs';
import { buildAddon, buildExamples, buildTypescript, installPackages } from './lib/steps.mjs';

async function prepare() {
  checkTools();
  // A build's own messages do not belong to the output of the program that follows.
  const toStderr = (command) => run(command, { stdio: ['ignore', process.stderr, 'inherit'] });
  const step = async (message, work) => {
    console.error(message);
    await work({ run: toStderr });
  };
  if (stale.packages()) await step('Installing npm packages ...', installPackages);
  if (stale.addon()) await step('Compiling the addon (a few minutes the first time) ...', buildAddon);
  if (stale.typescript()) await step('Compiling the TypeScript ...', buildTypescript);
  if (stale.examples()) await step('Compiling the examples ...', buildExamples);
}

await main(async () => {
  await prepare();
  const program = join(root, 'dist/examples/cli/main.js');
  const child = spawn(process.execPath, ['--enable-source-maps', program, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // A terminal sends its signals to both; others only reach us, and the child ends in its own time.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  return await new Promise((done) => child.on('exit', (code) => done(code ?? 1)));
});
