import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { createStorage, type Shed, type StorageOptions } from '../../../src/adapters/storage.js';
import type { Kept, Stock } from '../../../src/ports.js';

type FakeStock = Stock & { left: Map<string, Kept> };

/** Things `[name, bytes, usedAt]` in memory; `inUse` cannot be removed. */
function stock(kind: string, things: [string, number, number][], inUse: string[] = []): FakeStock {
  const left = new Map(things.map(([name, bytes, usedAt]) => [name, { name, bytes, usedAt }]));
  return {
    kind,
    left,
    place: async () => tmpdir(),
    hasGrown: () => true,
    list: async () => [...left.values()],
    async remove(kept) {
      const gone = kept.filter(({ name }) => !inUse.includes(name));
      for (const { name } of gone) left.delete(name);
      return { count: gone.length, bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0) };
    },
  };
}

const never = new AbortController().signal;

async function collect(stocks: Stock[], limit: number, options: Partial<StorageOptions> = {}) {
  const removed: Shed[] = [];
  const onRemoved = (shed: readonly Shed[]) => removed.push(...shed);
  const storage = createStorage({ dataDirectory: tmpdir(), limit, stocks, onRemoved, ...options });
  storage.collect();
  await storage.settled();
  return { removed, usage: storage.usage() };
}

test('what was used least lately goes, of all kinds, until a tenth of the limit is free', async () => {
  const one = stock('mirrors', [
    ['a', 30, 1],
    ['b', 30, 4],
    ['c', 30, 6],
  ]);
  const two = stock('volumes', [
    ['d', 30, 2],
    ['e', 30, 3],
    ['f', 30, 5],
  ]);
  const { removed, usage } = await collect([one, two], 130);
  expect([...one.left.keys(), ...two.left.keys()]).toEqual(['b', 'c', 'f']);
  expect(removed).toEqual([
    { kind: 'mirrors', count: 1, bytes: 30 },
    { kind: 'volumes', count: 2, bytes: 60 },
  ]);
  expect(usage).toEqual({ used: 90, limit: 130 });
});

test('what is in use stays, and newer things go in its place; within the limit nothing does', async () => {
  const busy = stock(
    'mirrors',
    [
      ['a', 50, 1],
      ['b', 50, 2],
      ['c', 10, 3],
    ],
    ['a'],
  );
  await collect([busy], 70);
  expect([...busy.left.keys()]).toEqual(['a', 'c']);
  await collect([busy], 60);
  expect([...busy.left.keys()]).toEqual(['a', 'c']);
});

test('what can be made smaller is, before anything goes', async () => {
  const mirrors = stock('mirrors', [
    ['a', 50, 1],
    ['b', 50, 2],
  ]);
  const trim = async ({ bytes }: Kept) => bytes / 2;
  const { usage } = await collect([{ ...mirrors, trim }], 75);
  expect(mirrors.left.size).toBe(2);
  expect(usage).toEqual({ used: 75, limit: 75 });
});

test('a stock that fails is told, and the others are collected', async () => {
  const fine = stock('mirrors', [['a', 50, 1]]);
  const broken = { ...stock('volumes', []), list: () => Promise.reject(new Error('frozen')) };
  const troubles: unknown[] = [];
  await collect([broken, fine], 10, { onTrouble: (error) => troubles.push(error) });
  expect(fine.left.size).toBe(0);
  expect(troubles).toMatchObject([{ message: 'frozen' }]);
});

test('before a build on a disk that is nearly full: room is made once for all who wait, and said in a line', async () => {
  const mirrors = stock('git repositories', [
    ['a', 50, 1],
    ['b', 1e15, 2],
    ['c', 50, 3],
  ]);
  const reserve = () => 1e15;
  const storage = createStorage({ dataDirectory: tmpdir(), limit: 1e18, stocks: [mirrors], reserve });
  const said: string[] = [];
  const emit = (event: { type: string; text?: string }) => void said.push(event.text ?? event.type);
  await Promise.all([storage.makeRoom({ emit, signal: never }), storage.makeRoom({ emit, signal: never })]);
  expect([...mirrors.left.keys()]).toEqual([]);
  expect(new Set(said).size).toBe(1);
  expect(said[0]).toMatch(
    /^the disk of the data directory is nearly full \(\S+ of \S+ free\): removed 3 git repositories, now \S+ free\n$/,
  );
});

test('a disk with room is left alone; one where nothing can go is told, and no build waits for ever', async () => {
  const mirrors = stock('git repositories', [['a', 50, 1]], ['a']);
  const storage = (reserve: number) =>
    createStorage({ dataDirectory: tmpdir(), limit: 1e18, stocks: [mirrors], reserve: () => reserve });
  const said: string[] = [];
  const emit = (event: { type: string; text?: string }) => void said.push(event.text ?? event.type);
  await storage(0).makeRoom({ emit, signal: never });
  expect(said).toEqual([]);
  await storage(1e15).makeRoom({ emit, signal: never });
  expect(said).toEqual([expect.stringContaining('there is no cache to remove')]);
  const frozen = { ...mirrors, list: () => new Promise<never>(() => undefined) };
  const stuck = createStorage({ dataDirectory: tmpdir(), limit: 1, stocks: [frozen], reserve: () => 1e15 });
  const abort = new AbortController();
  const waiting = stuck.makeRoom({ emit, signal: abort.signal });
  abort.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});
