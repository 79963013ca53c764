import { formatDuration } from '../model/quantity.js';
import { createPump } from '../output/pump.js';
import type { FlagValues } from '../request/parse.js';
import type { Builds, BuildStatus } from '../run/builds.js';
import type { QueueLimits } from '../run/queue.js';
import type { Invocation, Services } from './invocation.js';

type Capacity = QueueLimits & { running: number; queued: number };

/** `status`: how much room there is, and what of the caller's own builds runs, waits, or has ended while the caller was away. */
export async function status(
  flags: FlagValues,
  { stdout, caller }: Invocation,
  { builds }: Services,
): Promise<number> {
  const capacity = capacityOf(builds);
  const list = builds.list(caller);
  const text =
    flags.one('output') === 'json'
      ? `${JSON.stringify({ capacity, builds: list })}\n`
      : describe(list, capacity, Date.now());
  await createPump(stdout)(text);
  return 0;
}

function capacityOf(builds: Builds): Capacity {
  const all = builds.list();
  const count = (wanted: BuildStatus['state']) => all.filter(({ state }) => state === wanted).length;
  return { ...builds.limits, running: count('running'), queued: count('queued') };
}

function describe(list: readonly BuildStatus[], capacity: Capacity, now: number): string {
  const { running, maxBuilds, queued, maxQueued } = capacity;
  const rows = list.map(({ id, state, step, ahead, exitCode, queuedAt, caller, repo }) => [
    id,
    state === 'ended' ? `exit ${exitCode}` : ahead ? `${step} (${ahead} ahead)` : step,
    formatDuration(now - Date.parse(queuedAt)),
    caller.comment || caller.fingerprint,
    repo,
  ]);
  return `${running} of ${maxBuilds} running, ${queued} of ${maxQueued} waiting\n${table(rows)}`;
}

function table(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
