import { expect, test } from 'vitest';
import { createBuildCache } from '../../../src/adapters/docker/build-cache.js';
import { docker } from './lab.js';
import { scriptedEngine } from './scripted.js';

const record = (ID: string, Size: number, more: object = {}) => ({
  ...{ ID, Size, InUse: false, Shared: false, CreatedAt: '2026-01-01T00:00:00Z', ...more },
});

test('the engine is told how much of its cache may stay; what an image shares counts nothing', async () => {
  const used = { LastUsedAt: '2026-02-01T00:00:00Z' };
  const BuildCache = [
    record('new', 50, used),
    record('old', 30),
    record('shared', 1000, { Shared: true }),
    record('running', 20, { InUse: true }),
  ];
  await using engine = await scriptedEngine((line) =>
    line.startsWith('POST /build/prune')
      ? { status: 200, body: { CachesDeleted: ['old'], SpaceReclaimed: 30 } }
      : { status: 200, body: { BuildCache } },
  );
  const began = Date.now();
  const cache = createBuildCache({ socketPath: engine.socketPath });
  expect(cache.hasGrown()).toBe(true);
  const list = await cache.list();
  expect(cache.hasGrown()).toBe(false);
  expect(list).toEqual([
    { name: 'new', bytes: 50, usedAt: Date.parse('2026-02-01T00:00:00Z') },
    { name: 'old', bytes: 30, usedAt: Date.parse('2026-01-01T00:00:00Z') },
    { name: 'running', bytes: 20, usedAt: expect.any(Number) },
  ]);
  expect(list[2]!.usedAt).toBeGreaterThanOrEqual(began);
  const oldest = list.filter(({ name }) => name === 'old');
  expect(await cache.remove(oldest)).toEqual({ count: 1, bytes: 30 });
  expect(engine.requests.at(-1)).toMatch(/^POST \/build\/prune\?all=true&keep-storage=70&reserved-space=70$/);
});

test('a real engine measures its cache, and keeps what it is told to', async () => {
  const cache = createBuildCache();
  const before = await cache.list();
  expect(await cache.remove([])).toMatchObject({ count: expect.any(Number) });
  const { BuildCache } = (await docker.df()) as { BuildCache: { ID: string }[] | null };
  const there = new Set((BuildCache ?? []).map(({ ID }) => ID));
  // Builds of other tests may have removed what was theirs, but not everything goes.
  expect(before.length === 0 || before.some(({ name }) => there.has(name))).toBe(true);
});
