// One more runner on a data directory, as it is compiled: `child.mjs DIRECTORY TASK`. It says on stdout what it has done.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDepot } from '../../../dist/adapters/depot.js';
import { createLocks } from '../../../dist/adapters/locks.js';
import { createRunner } from '../../../dist/adapters/runner.js';

const [data, task] = process.argv.slice(2);
const runner = createRunner(data, async (question) => `${task} heard ${question}`);
const locks = createLocks({ directory: join(data, 'locks'), runner });
const depot = createDepot({ dataDirectory: data, kind: 'git', locks, runner });
const never = new AbortController().signal;
const say = (text) => process.stdout.write(`${text}\n`);
const forEver = () => new Promise(() => setInterval(() => undefined, 1 << 30));

const tasks = {
  /** Has the lock until it is killed. */
  lock: () => locks.alone('counter', never, async () => (say(runner.id), await forEver())),
  /** Holds the copy until it is killed. */
  async hold() {
    await depot.hold('copy', 'abc', never);
    say(runner.id);
    await forEver();
  },
  /** Counts in a file, which loses a count where two do it at once. */
  async count() {
    const file = join(data, 'count');
    for (let i = 0; i < 60; i++) {
      await locks.alone('counter', never, async () => {
        const count = Number(readFileSync(file, 'utf8'));
        await new Promise(setImmediate);
        writeFileSync(file, String(count + 1));
        say('counted');
      });
    }
  },
  /** Uses the copy again and again, and says whether it ever went while it was held. */
  async read() {
    const [directory, file] = [join(data, 'git/copy'), join(data, 'git/copy/file')];
    let lost = 0;
    for (let i = 0; i < 300; i++) {
      const { release } = await depot.hold('copy', 'abc', never);
      if (!existsSync(file)) {
        await depot.change({ name: 'copy' }, never, async () => {
          await mkdir(directory, { recursive: true });
          await writeFile(file, '');
        });
      }
      await new Promise(setImmediate);
      if (!existsSync(file)) lost++;
      await release();
    }
    say(`lost ${lost}`);
  },
};
await tasks[task]();
