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
  const run = (item: T) => work(item).catch((error: unknown) => void failures.push(error));
  const inOwnPlace = async (): Promise<void> => {
    if (waiting.length === 0) return;
    await run(waiting.shift()!);
    await Promise.all([inOwnPlace(), beside()]);
  };
  // A place for one item: another build that has come to wait meanwhile goes before the next one.
  const beside = async (): Promise<void> => {
    const leave = waiting.length > 0 ? queue.tryEnter() : undefined;
    if (leave === undefined) return;
    const done = run(waiting.shift()!).finally(leave);
    await Promise.all([done.then(beside), beside()]);
  };
  await Promise.all([inOwnPlace(), beside()]);
  if (failures.length > 0) throw failures[0];
}
