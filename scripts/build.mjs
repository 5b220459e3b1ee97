// npm run build: the addon in release mode, and the TypeScript. "addon" or "ts" as an argument builds one of the two.

import { Complaint, checkTools, main, stale } from './lib/project.mjs';
import { buildAddon, buildExamples, buildTypescript, installPackages } from './lib/steps.mjs';

await main(async () => {
  const what = process.argv[2] ?? 'all';
  if (!['all', 'addon', 'ts'].includes(what)) {
    throw new Complaint(
      `There is nothing to build called "${what}": say "addon", "ts", or nothing for both.`,
    );
  }
  checkTools();
  if (stale.packages()) await installPackages();
  if (what !== 'ts') await buildAddon();
  if (what !== 'addon') {
    await buildTypescript();
    await buildExamples();
  }
});
