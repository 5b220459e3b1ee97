// npm run clean: deletes what the build made. With "all" as an argument also what Cargo and npm keep.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { addons, main, root } from './lib/project.mjs';

await main(() => {
  const kept = process.argv[2] === 'all' ? ['target', 'node_modules'] : [];
  for (const name of ['dist', ...addons(), ...kept]) {
    rmSync(join(root, name), { recursive: true, force: true });
    console.log(`deleted ${name}`);
  }
});
