import { join } from 'node:path';
import { createDepot } from '../../src/adapters/depot.js';
import { createLocks } from '../../src/adapters/locks.js';
import { createRunner } from '../../src/adapters/runner.js';

/** What a runner of this process shares with others on the directory; nothing of it is a fake. */
export function runnerOn(dataDirectory: string) {
  const runner = createRunner(dataDirectory);
  const locks = createLocks({ directory: join(dataDirectory, 'locks'), runner });
  return { runner, locks, depot: (kind: string) => createDepot({ dataDirectory, kind, locks, runner }) };
}
