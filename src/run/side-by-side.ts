import type { Queue } from './queue.js';

/**
 * Runs `work` for each item: one after the other in the place that the build has, and side by side as far as the runner has places that
 * nobody waits for. All are carried to their end; then rejects with the first failure.
 */
export async function runSideBySide<T>(
  items: readonly T[],
  queue: Queue,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const failures: unknown[] = [];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      await work(item).catch((error: unknown) => failures.push(error));
    }
  };
  const workers = [worker()];
  for (let leave = nextPlace(); leave; leave = nextPlace()) workers.push(worker().finally(leave));
  await Promise.all(workers);
  if (failures.length > 0) throw failures[0];

  function nextPlace(): (() => void) | undefined {
    return waiting.length > 0 ? queue.tryEnter() : undefined;
  }
}
