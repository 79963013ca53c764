import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { startTime } from '../start-time.js';
import type { Places } from './places.js';

/** Milliseconds that the kernel has to end what was killed. */
const PATIENCE = 10_000;

/** Writes down which process the engine is. */
export async function recordEngine({ record }: Places, pid: number): Promise<void> {
  await writeFile(record, `${pid} ${await startTime(pid)}`, { mode: 0o600 });
}

/** Ends the engine that a dead runner has left, if it still runs: two of them would ruin one data root. */
export async function endPredecessor({ record }: Places): Promise<boolean> {
  const [pid, start] = (await readFile(record, 'utf8').catch(() => '')).split(' ');
  const runs = Number(pid) > 1 && (await startTime(Number(pid)).catch(() => undefined)) === start;
  if (runs) await endGroup(Number(pid));
  await rm(record, { force: true });
  return runs;
}

/**
 * Kills a process group, and with the first process of its PID namespace all that is in there. Resolves when that has gone, or after ten
 * seconds.
 */
export async function endGroup(leader: number): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (signalGroup(leader) && Date.now() < deadline) await wait(20);
}

/** Says whether there was anybody. */
function signalGroup(leader: number): boolean {
  try {
    return process.kill(-leader, 'SIGKILL');
  } catch {
    return false;
  }
}
