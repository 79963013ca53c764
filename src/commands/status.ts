import type { Caller } from '../model/caller.js';
import { formatDuration, formatSize } from '../model/quantity.js';
import { createPump } from '../output/pump.js';
import type { FlagValues } from '../request/parse.js';
import type { Builds, BuildStatus } from '../run/builds.js';
import type { QueueLimits } from '../run/queue.js';
import type { PastFailure } from '../run/failures.js';
import type { Health, Invocation, Services } from './invocation.js';

type Capacity = QueueLimits & { running: number; queued: number; draining: boolean };

/** What `status --output json` prints. */
export type StatusReport = Health & {
  capacity: Capacity;
  builds: readonly BuildStatus[];
  lastError?: PastFailure;
};

/**
 * `status`: how much room there is, and what of the caller's own builds runs, waits, or has ended while the caller was away. On the command
 * line it is all that the servers on the data directory have, where there are any.
 */
export async function status(
  flags: FlagValues,
  { stdout, stderr, caller, local }: Invocation,
  services: Services,
): Promise<number> {
  // A process of the command line has no builds: who asks there means the server beside it.
  const servers = local ? await services.local.askServers() : [];
  const told = servers.flatMap(readReport);
  const reports = told.length > 0 ? told : [await reportStatus(services, caller)];
  if (local && told.length === 0)
    await createPump(stderr)('buildbot: no server answers on the data directory; this process alone:\n');
  const isJson = flags.one('output') === 'json';
  const shown = reports.map((report) =>
    isJson ? `${JSON.stringify(report)}\n` : describe(report, Date.now()),
  );
  await createPump(stdout)(shown.join(''));
  return 0;
}

/** None where the server ended while it answered. */
function readReport(text: string): StatusReport[] {
  try {
    return [JSON.parse(text) as StatusReport];
  } catch {
    return [];
  }
}

/** What this caller may see, and without one everything. */
export async function reportStatus({ builds, health }: Services, caller?: Caller): Promise<StatusReport> {
  const how = await health();
  const lastError = builds.lastFailure(caller);
  return {
    capacity: capacityOf(builds),
    builds: builds.list(caller),
    ...how,
    ...(lastError && { lastError }),
  };
}

function capacityOf(builds: Builds): Capacity {
  const all = builds.list();
  const count = (wanted: BuildStatus['state']) => all.filter(({ state }) => state === wanted).length;
  return {
    ...builds.limits,
    running: count('running'),
    queued: count('queued'),
    draining: builds.isDraining(),
  };
}

function describe(report: StatusReport, now: number): string {
  const rows = report.builds.map(({ id, state, step, ahead, exitCode, queuedAt, caller, repo }) => [
    id,
    state === 'ended' ? `exit ${exitCode}` : ahead ? `${step} (${ahead} ahead)` : step,
    formatDuration(now - Date.parse(queuedAt)),
    caller.comment || caller.fingerprint,
    repo,
  ]);
  return `${describeCapacity(report)}\n${table(rows)}${describeHealth(report)}`;
}

/** The report without its builds, a line for each thing. */
export function summarise(report: StatusReport): string {
  return `${describeCapacity(report)}\n${describeHealth(report)}`;
}

function describeCapacity({
  capacity: { running, maxBuilds, queued, maxQueued, draining },
}: StatusReport): string {
  const takes = draining ? ', draining: no new builds' : '';
  return `${running} of ${maxBuilds} running, ${queued} of ${maxQueued} waiting${takes}`;
}

function describeHealth({ engine, disk, lastError }: StatusReport): string {
  const { used, limit } = disk.caches;
  const caches =
    used === undefined ? `at most ${formatSize(limit)}` : `${formatSize(used)} of ${formatSize(limit)}`;
  const lines = [
    engine.reachable
      ? `engine: ${engine.name} ${engine.version}`
      : `engine: not reachable: ${engine.message}`,
    `disk: ${formatSize(disk.free)} of ${formatSize(disk.total)} free; caches: ${caches}${disk.fault === undefined ? '' : `; it cannot be written (${disk.fault})`}`,
  ];
  if (lastError)
    lines.push(`last error: ${lastError.time} ${lastError.build} ${lastError.message} (${lastError.code})`);
  return lines.map((line) => `${line}\n`).join('');
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
