import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { localEnvironment } from '../../../../src/adapters/git/environment.js';
import { openStore } from '../../../../src/adapters/git/store.js';

test('what is held while it is tidied away stays', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'store-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const environment = localEnvironment(process.env, directory);
  const store = openStore(join(directory, 'tips.git'), { environment, sha256: false });
  await store.create();
  const [first = '', second = ''] = ['first', 'second'].map((input) =>
    execFileSync('git', ['-C', store.directory, 'hash-object', '-w', '--stdin'], {
      input,
      encoding: 'utf8',
    }).trim(),
  );
  for (const id of [first, second]) expect(await store.keep(id)).toBe(true);
  const held = new Set<string>();
  // Held right after the first look.
  const look = async () => {
    const seen = new Set(held);
    held.add(first);
    return seen;
  };
  await store.tidy(look, { revisions: 0, packs: 50 });
  expect([await store.touch(first), await store.touch(second)]).toEqual([true, false]);
});
