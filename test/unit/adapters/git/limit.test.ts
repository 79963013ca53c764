import { expect, test } from 'vitest';
import { createLimit } from '../../../../src/adapters/git/submodules/limit.js';

test('at most so many at a time, in order, also when some fail', async () => {
  const limit = createLimit(2);
  const started: number[] = [];
  const gates = Array.from({ length: 5 }, () => gate());
  const tasks = gates.map(({ promise }, i) =>
    limit(() => {
      started.push(i);
      return promise;
    }),
  );
  expect(started).toEqual([0, 1]);
  gates[1]!.reject(new Error('no'));
  await expect(tasks[1]).rejects.toThrow('no');
  expect(started).toEqual([0, 1, 2]);
  gates[0]!.resolve();
  gates[2]!.resolve();
  await Promise.all([tasks[0], tasks[2]]);
  expect(started).toEqual([0, 1, 2, 3, 4]);
  gates[3]!.resolve();
  gates[4]!.resolve();
  await Promise.all(tasks.slice(3));
});

function gate(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((done, failed) => ([resolve, reject] = [done, failed]));
  return { promise, resolve, reject };
}
