import fc from 'fast-check';
import { expect, it } from 'vitest';
import { requestQueue } from '../../../../src/adapters/buildkit/request-queue.js';

it('gives what waits in rising order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(1000)), async (numbers) => {
      const queue = requestQueue();
      for (const number of numbers) queue.push(number);
      queue.end();
      const given: number[] = [];
      for await (const number of queue) given.push(number);
      expect(given).toEqual(numbers.toSorted((a, b) => a - b));
    }),
  );
});

it('goes on upwards with what comes meanwhile, and begins again at the bottom', async () => {
  const queue = requestQueue();
  for (const number of [5, 9]) queue.push(number);
  const given: number[] = [];
  for await (const number of queue) {
    given.push(number);
    if (number === 5) for (const next of [3, 7, 1]) queue.push(next);
    if (given.length === 5) queue.end();
  }
  expect(given).toEqual([5, 7, 9, 1, 3]);
});

it('waits for what is not there yet', async () => {
  const queue = requestQueue();
  setImmediate(() => queue.push(4));
  setImmediate(() => queue.end());
  const given: number[] = [];
  for await (const number of queue) given.push(number);
  expect(given).toEqual([4]);
});
