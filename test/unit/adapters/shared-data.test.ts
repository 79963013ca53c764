import { mkdir, mkdtemp, readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dataDirectoryFailure } from '../../../src/adapters/place-file.js';
import { createRunner } from '../../../src/adapters/runner.js';
import { asFailure } from '../../../src/model/errors.js';
import { runnerOn } from '../../fakes/depot.js';

const never = new AbortController().signal;
let data: string;
beforeEach(async () => void (data = await mkdtemp(join(tmpdir(), 'shared-data-'))));
afterEach(() => rm(data, { recursive: true }));

test('the name of a data directory is asked for again where it could not be had, and written once', async () => {
  const directory = join(data, 'below');
  await writeFile(directory, '');
  const runner = createRunner(directory);
  await expect(runner.family()).rejects.toThrow('ENOTDIR');
  await rm(directory);
  const family = await runner.family();
  expect(family).toMatch(/^[0-9a-f]{16}$/);
  const { mtimeNs } = await stat(directory, { bigint: true });
  expect(await createRunner(directory).family()).toBe(family);
  // Not even a file that goes again: a full disk has no room for it.
  expect((await stat(directory, { bigint: true })).mtimeNs).toBe(mtimeNs);
});

test.each([
  ['ENOSPC', 'DISK_FULL'],
  ['EDQUOT', 'DISK_FULL'],
  ['EROFS', 'RUNNER_FAILED'],
  ['EACCES', 'RUNNER_FAILED'],
])('a data directory that says %s is %s', (code, failure) => {
  const error = Object.assign(new Error(code), { code });
  expect(asFailure(dataDirectoryFailure(error)).code).toBe(failure);
});

test('the directory that is laid by for a full disk is made again when it was lost', async () => {
  const { locks, runner } = runnerOn(data);
  await locks.sweep();
  await locks.layBy();
  const spare = `${runner.id}-spare.new`;
  await rmdir(join(data, 'locks', spare));
  await locks.alone('name', never, async () => undefined);
  expect(await readdir(join(data, 'locks'))).toEqual([spare]);
});

test('a copy on its way to its name is no copy, and goes when nobody makes it any more', async () => {
  const depot = runnerOn(data).depot('hg');
  const names = ['copy', 'copy.new-1', 'copy.old-2'];
  for (const name of names) await mkdir(join(data, 'hg', name), { recursive: true });
  await depot.change({ name: 'copy' }, never, async () => {
    expect(await depot.list()).toMatchObject([{ name: 'copy' }]);
    expect((await readdir(join(data, 'hg'))).toSorted()).toEqual(names);
  });
  expect(await depot.list()).toMatchObject([{ name: 'copy' }]);
  expect(await readdir(join(data, 'hg'))).toEqual(['copy']);
});

test('what a copy took before it changed is not written down after that', async () => {
  const [depot, copy] = [runnerOn(data).depot('git'), join(data, 'git/copy')];
  await mkdir(copy, { recursive: true });
  await Promise.all(Array.from({ length: 2000 }, (_, index) => writeFile(join(copy, `${index}`), '')));
  const sizes = [0, 1, 2].map(async (index) => {
    const measured = depot.list();
    await depot.change({ name: 'copy' }, never, () =>
      writeFile(join(copy, `0${index}`), 'x'.repeat(1_000_000)),
    );
    await measured;
  });
  await Promise.all(sizes);
  expect((await depot.list())[0]!.bytes).toBeGreaterThanOrEqual(3_000_000);
});
