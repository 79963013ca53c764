import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCaches } from '../../../src/adapters/docker/caches.js';
import { container } from './containers-lab.js';
import { docker, recorder } from './lab.js';
import { scriptedEngine } from './scripted.js';

let directory: string;
const made = new Set<string>();
const troubles: unknown[] = [];
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'caches-test-'))));
afterEach(async () => {
  await Promise.all((await existing()).map((name) => docker.getVolume(name).remove()));
  made.clear();
  expect(troubles.splice(0)).toEqual([]);
  await rm(directory, { recursive: true });
});

function cachesOf(limit: number) {
  const onTrouble = (error: unknown) => troubles.push(error);
  const caches = createCaches({ directory, limit, onTrouble });
  return {
    async acquire(repository: string, path: string) {
      const cache = await caches.acquire(repository, path, recorder());
      made.add(cache.volume);
      return cache;
    },
    async collect() {
      caches.collect();
      await caches.collected();
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

  const tight = cachesOf(1e12);
  await tight.collect();
  expect(await existing()).toHaveLength(5);

  const foreign = await sparedBytes();
  const holding = cachesOf(foreign + 45_000_000);
  await using hold = await holding.acquire(directory, 'held');
  expect(hold.volume).toBe(held);
  await using keeper = await container({ command: 'true', caches: new Map([[mounted, '/cache']]) });
  await Promise.all([holding.collect(), holding.collect()]);
  expect(new Set(await existing())).toEqual(new Set([mounted, held, used, fresh]));
  expect(await readdir(directory)).not.toContain(old);
  await keeper[Symbol.asyncDispose]();

  const tiny = cachesOf(foreign + 15_000_000);
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

test('a collection that fails is told, and the next one tries again', async () => {
  await using engine = await scriptedEngine(() => ({ status: 500, body: { message: 'no space' } }));
  const { socketPath } = engine;
  const onTrouble = (error: unknown) => told.push((error as Error).message);
  const told: string[] = [];
  const caches = createCaches({ connection: { socketPath }, directory, limit: 0, onTrouble });
  for (let i = 0; i < 2; i++) {
    caches.collect();
    await caches.collected();
  }
  expect(told).toEqual(Array(2).fill('the engine cannot measure the caches (500): no space'));
});
