import type { Logger } from 'pino';
import { sweepEngine } from './adapters/docker/sweep.js';
import type { Runner } from './adapters/runner.js';
import type { Locks } from './ports.js';

/** `runner` forgets the names of those of whom nothing is left. `lendings`: where it is written down which names they lent. */
export type Sweeping = {
  connection: { socketPath?: string };
  lendings: string;
  locks: Locks;
  log: Logger;
  runner?: Pick<Runner, 'forget'>;
};

/** Removes what runners that have ended left in the engine. What cannot be removed now is tried again with a build a minute later, or at the next start. */
export async function sweep(
  ended: readonly string[],
  { connection, lendings, locks, log, runner }: Sweeping,
): Promise<void> {
  const onTrouble = (error: unknown) =>
    log.warn({ err: error }, 'could not remove what a dead runner had left');
  try {
    const { clean, ...swept } = await sweepEngine(ended, { connection, lendings, locks, onTrouble });
    for (const id of clean) await runner?.forget(id);
    if (swept.containers + swept.images > 0) log.info(swept, 'swept what a dead runner had left');
  } catch (error) {
    log.warn({ err: error }, 'could not sweep the engine');
  }
}

/** Begins the task unless that was done less than a minute ago, or by now: at the start of a process it has been. */
export function everyMinute(task: () => Promise<void>, onTrouble: (error: unknown) => void): () => void {
  let begunAt = performance.now();
  return () => {
    if (performance.now() - begunAt < 60_000) return;
    begunAt = performance.now();
    void task().catch(onTrouble);
  };
}
