import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCaches } from '../../../src/adapters/docker/caches.js';
import { container } from './containers-lab.js';
import { docker } from './lab.js';

let directory: string;
const made = new Set<string>();
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'caches-test-'))));
afterEach(async () => {
  await Promise.all((await existing()).map((name) => docker.getVolume(name).remove()));
  made.clear();
  await rm(directory, { recursive: true });
});

function cachesOf(limit: number) {
  const caches = createCaches({ directory, limit });
  return {
    ...caches,
    async acquire(repository: string, path: string) {
      const cache = await caches.acquire(repository, path);
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

test('what a build leaves the next one finds, of the same repository and path alone', async () => {
  const caches = cachesOf(1e9);
  const repository = randomUUID();
  {
    await using cache = await caches.acquire(repository, '/root/.npm');
    await shell(cache.volume, 'echo kept >/cache/file');
  }
  await using again = await cachesOf(1e9).acquire(repository, '/root/.npm');
  expect(await shell(again.volume, 'cat /cache/file')).toBe('kept\n');
  await using other = await caches.acquire(repository, '/root/.cache');
  await using foreign = await caches.acquire(`${repository}/root`, '.npm');
  expect(new Set([again, other, foreign].map(({ volume }) => volume)).size).toBe(3);
  expect((await docker.getVolume(again.volume).inspect()).Labels).toEqual({ 'buildbot.cache': '1' });
});

test('builds at the same time have caches of their own, and give them back once', async () => {
  const caches = cachesOf(1e9);
  const acquire = () => caches.acquire('repository', `/${directory}`);
  const [first, second] = await Promise.all([acquire(), acquire()]);
  expect(first.volume).not.toBe(second.volume);
  await first[Symbol.asyncDispose]();
  const third = await acquire();
  expect(third.volume).toBe(first.volume);
  await first[Symbol.asyncDispose]();
  const fourth = await acquire();
  expect([first.volume, second.volume]).not.toContain(fourth.volume);
  await Promise.all([second, third, fourth].map((cache) => cache[Symbol.asyncDispose]()));
});

test('the least recently used go until the rest fits, but none that is held or in a container', async () => {
  const everything = cachesOf(1e12);
  const fill = async (name: string) => {
    const cache = await everything.acquire(directory, name);
    await shell(cache.volume, 'head -c 10000000 /dev/zero >/cache/file');
    await cache[Symbol.asyncDispose]();
    return cache.volume;
  };
  const [mounted, held] = [await fill('mounted'), await fill('held')];
  const [used, old, fresh] = [await fill('used'), await fill('old'), await fill('new')];
  await (await everything.acquire(directory, 'used'))[Symbol.asyncDispose]();

  const tight = createCaches({ directory, limit: 1e12 });
  await tight.collect();
  expect(await existing()).toHaveLength(5);

  const foreign = await sparedBytes();
  const holding = createCaches({ directory, limit: foreign + 45_000_000 });
  await using hold = await holding.acquire(directory, 'held');
  expect(hold.volume).toBe(held);
  await using keeper = await container({ command: 'true', caches: new Map([[mounted, '/cache']]) });
  await Promise.all([holding.collect(), holding.collect()]);
  expect(new Set(await existing())).toEqual(new Set([mounted, held, used, fresh]));
  expect(await readdir(directory)).not.toContain(old);
  await keeper[Symbol.asyncDispose]();

  const tiny = createCaches({ directory, limit: foreign + 15_000_000 });
  await using still = await tiny.acquire(directory, 'held');
  await tiny.collect();
  expect(await existing()).toEqual([still.volume]);
});

/** Makes the caches of others on this engine the most recently used ones, and counts their bytes. */
async function sparedBytes(): Promise<number> {
  const { Volumes } = (await docker.df()) as {
    Volumes: { Name: string; Labels: object | null; UsageData: { Size: number } }[];
  };
  const foreign = Volumes.filter(({ Name, Labels }) => !made.has(Name) && 'buildbot.cache' in (Labels ?? {}));
  const later = new Date(Date.now() + 86_400_000);
  for (const { Name } of foreign) {
    await writeFile(join(directory, Name), '');
    await utimes(join(directory, Name), later, later);
  }
  return foreign.reduce((sum, { UsageData }) => sum + UsageData.Size, 0);
}
