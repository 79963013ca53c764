import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCaches } from '../../../src/adapters/docker/caches.js';
import { runnerOn } from '../../fakes/depot.js';
import { container } from './containers-lab.js';
import { docker, recorder } from './lab.js';

let directory: string;
const made = new Set<string>();
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'caches-test-'))));
afterEach(async () => {
  await Promise.all((await existing()).map((name) => docker.getVolume(name).remove()));
  made.clear();
  await rm(directory, { recursive: true });
});

/** The caches of one more runner on the data directory, or on another one. */
function cachesOf(data = directory) {
  const { runner, locks } = runnerOn(data);
  const caches = createCaches({ directory: join(data, 'caches'), locks, family: () => runner.family() });
  return {
    ...caches,
    async acquire(repository: string, path: string) {
      const cache = await caches.acquire(repository, path, recorder());
      made.add(cache.volume);
      return cache;
    },
  };
}

async function shell(volume: string, command: string): Promise<string> {
  await using made = await container({ command, caches: new Map([[volume, '/cache']]) });
  await made.run(made.io);
  return made.io.stdout();
}

async function existing(): Promise<string[]> {
  const { Volumes } = await docker.listVolumes();
  return Volumes.map(({ Name }) => Name).filter((name) => made.has(name));
}

test('what a build leaves the next one finds, of the same repository, path and data directory alone', async () => {
  const caches = cachesOf();
  const repository = randomUUID();
  {
    await using cache = await caches.acquire(repository, '/root/.npm');
    await shell(cache.volume, 'echo kept >/cache/file');
  }
  await using again = await cachesOf().acquire(repository, '/root/.npm');
  expect(await shell(again.volume, 'cat /cache/file')).toBe('kept\n');
  await using other = await caches.acquire(repository, '/root/.cache');
  await using foreign = await caches.acquire(`${repository}/root`, '.npm');
  const elsewhere = await mkdtemp(join(tmpdir(), 'caches-test-'));
  await using stranger = await cachesOf(elsewhere).acquire(repository, '/root/.npm');
  expect(new Set([again, other, foreign, stranger].map(({ volume }) => volume)).size).toBe(4);
  await rm(elsewhere, { recursive: true });
});

test('builds at the same time, of two runners too, have caches of their own, and give them back once', async () => {
  const [one, two] = [cachesOf(), cachesOf()];
  const acquire = (caches = one) => caches.acquire('repository', `/${directory}`);
  const [first, second] = await Promise.all([acquire(one), acquire(two)]);
  expect(first.volume).not.toBe(second.volume);
  await first[Symbol.asyncDispose]();
  const third = await acquire(two);
  expect(third.volume).toBe(first.volume);
  await first[Symbol.asyncDispose]();
  const fourth = await acquire();
  expect([first.volume, second.volume]).not.toContain(fourth.volume);
  await Promise.all([second, third, fourth].map((cache) => cache[Symbol.asyncDispose]()));
});

test('those of this data directory are listed as they were used, and removed unless a build has them', async () => {
  const caches = cachesOf();
  const fill = async (name: string) => {
    const cache = await caches.acquire(directory, name);
    await shell(cache.volume, 'head -c 10000000 /dev/zero >/cache/file');
    await cache[Symbol.asyncDispose]();
    return cache.volume;
  };
  const [mounted, held, old] = [await fill('mounted'), await fill('held'), await fill('old')];
  await (await cachesOf().acquire(directory, 'mounted'))[Symbol.asyncDispose]();
  const elsewhere = await mkdtemp(join(tmpdir(), 'caches-test-'));
  await using foreign = await cachesOf(elsewhere).acquire(directory, 'old');
  expect(caches.hasGrown()).toBe(true);
  const list = await caches.list();
  expect(caches.hasGrown()).toBe(false);
  expect(list.toSorted((a, b) => a.usedAt - b.usedAt).map(({ name }) => name)).toEqual([held, old, mounted]);
  for (const { bytes } of list) expect(bytes).toBeGreaterThanOrEqual(10_000_000);

  await using _hold = await cachesOf().acquire(directory, 'held');
  await using _keeper = await container({ command: 'true', caches: new Map([[mounted, '/cache']]) });
  expect(await caches.remove(list)).toEqual({
    count: 1,
    bytes: list.find(({ name }) => name === old)!.bytes,
  });
  expect(new Set(await existing())).toEqual(new Set([mounted, held, foreign.volume]));
  expect(await readdir(join(directory, 'caches'))).not.toContain(old);
  await rm(elsewhere, { recursive: true });
});
