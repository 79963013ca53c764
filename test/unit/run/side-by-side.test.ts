import { expect, it } from 'vitest';
import { createQueue } from '../../../src/run/queue.js';
import { runSideBySide } from '../../../src/run/side-by-side.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('gives a place beside its own to who waits, before its next project', async () => {
  const queue = createQueue({ maxBuilds: 2, maxQueued: 5 });
  const entry = { signal: new AbortController().signal, onAhead: () => undefined };
  const leave = await queue.enter({ ...entry, owner: { key: 'many' } });
  const ends = new Map<number, () => void>();
  const all = runSideBySide([1, 2, 3, 4], queue, (item) => {
    return new Promise<void>((resolve) => ends.set(item, resolve));
  });
  await settled();
  expect([...ends.keys()]).toEqual([1, 2]);
  let leaveOther: (() => void) | undefined;
  void queue.enter({ ...entry, owner: { key: 'other' } }).then((given) => (leaveOther = given));
  ends.get(2)!();
  await settled();
  expect(leaveOther).toBeDefined();
  expect([...ends.keys()]).toEqual([1, 2]);
  leaveOther!();
  ends.get(1)!();
  await settled();
  expect([...ends.keys()]).toEqual([1, 2, 3, 4]);
  for (const end of ends.values()) end();
  await all;
  leave();
  expect(queue.tryEnter()).toBeDefined();
});
