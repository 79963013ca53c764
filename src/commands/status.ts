import { formatDuration } from '../model/quantity.js';
import { createPump } from '../output/pump.js';
import type { FlagValues } from '../request/parse.js';
import type { BuildStatus } from '../run/builds.js';
import type { Invocation, Services } from './invocation.js';

/** `status`: what runs and waits, and how much room there is. */
export async function status(
  flags: FlagValues,
  { stdout }: Invocation,
  { builds }: Services,
): Promise<number> {
  const list = builds.list();
  const write = createPump(stdout);
  if (flags.one('output') === 'json') {
    const { maxBuilds, maxQueued } = builds.limits;
    await write(`${JSON.stringify({ capacity: { maxBuilds, maxQueued }, builds: list })}\n`);
    return 0;
  }
  await write(describe(list, builds.limits, Date.now()));
  return 0;
}

function describe(
  list: readonly BuildStatus[],
  limits: { maxBuilds: number; maxQueued: number },
  now: number,
): string {
  const running = list.filter(({ state }) => state === 'running').length;
  const head = `${running} of ${limits.maxBuilds} running, ${list.length - running} of ${limits.maxQueued} waiting\n`;
  const rows = list.map(({ id, step, queuedAt, caller, repo }) => [
    id,
    step,
    formatDuration(now - Date.parse(queuedAt)),
    caller.comment || caller.fingerprint,
    repo,
  ]);
  return head + table(rows);
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
