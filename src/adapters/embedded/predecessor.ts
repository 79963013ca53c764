import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { Failure } from '../../model/errors.js';
import { startTime } from '../start-time.js';
import type { Places } from './places.js';

/** Milliseconds that the kernel has to end what was killed. */
const PATIENCE = 10_000;

/** Writes down which process the engine is, and whose. */
export async function recordEngine({ record }: Places, pid: number): Promise<void> {
  const [start, ownStart] = [await startTime(pid), await startTime(process.pid)];
  await writeFile(record, `${pid} ${start} ${process.pid} ${ownStart}`, { mode: 0o600 });
}

/**
 * Ends the engine that a dead runner has left, if it still runs: two of them would ruin one data root. Rejects with CONFIG_INVALID where
 * its runner lives.
 */
export async function endPredecessor({ record }: Places): Promise<boolean> {
  const [pid = '', start, owner = '', ownerStart] = (await readFile(record, 'utf8').catch(() => '')).split(
    ' ',
  );
  if (await isProcess(owner, ownerStart)) {
    throw new Failure('CONFIG_INVALID', `the runner with pid ${owner} has an engine in this data directory`, {
      hint: 'give each runner with an engine of its own another BUILDBOT_DATA_DIR',
    });
  }
  const runs = await isProcess(pid, start);
  if (runs) await endGroup(Number(pid));
  await rm(record, { force: true });
  return runs;
}

async function isProcess(pid: string, start: string | undefined): Promise<boolean> {
  return Number(pid) > 1 && (await startTime(Number(pid)).catch(() => undefined)) === start;
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
