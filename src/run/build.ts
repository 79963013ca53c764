import { Failure } from '../model/errors.js';
import type { BuildEvent, Emit } from '../model/events.js';
import { formatDuration } from '../model/quantity.js';
import type { BuildRequest } from '../model/request.js';
import { statusOf, type BuildResult, type SourceResult } from '../model/result.js';
import type { FetchedSource } from '../ports.js';
import { fetchSource } from '../steps/source.js';
import { execute, type Ports, type Progress } from './execute.js';
import { Journal } from './journal.js';
import type { Queue } from './queue.js';

export type BuildContext = {
  emit: Emit<BuildEvent>;
  /** Aborted with a Failure (CANCELLED, …) as its reason. */
  signal: AbortSignal;
  queue: Queue;
  /** Milliseconds that the server allows at most. */
  maxTimeout: number;
};

/**
 * One build from queue to verdict. Never rejects: whatever happens becomes the result, which is also the last event. When it settles,
 * nothing of the build is left but what was asked for.
 */
export async function runBuild(
  request: BuildRequest,
  ports: Ports,
  context: BuildContext,
): Promise<BuildResult> {
  const journal = new Journal(request.id, ports.clock, context.emit);
  const queuedAt = journal.stamp.time;
  const progress: Progress = { images: [] };
  const outcome = await settle(journal, context.signal, () =>
    queued(request, { ports, context, journal, progress }),
  );
  const result: BuildResult = {
    version: 1,
    id: request.id,
    status: statusOf(outcome.exitCode),
    ...outcome,
    ...progress,
    published: [],
    steps: journal.steps,
    queuedAt,
    finishedAt: journal.stamp.time,
  };
  await context.emit({ type: 'result', ...journal.stamp, ...result });
  return result;
}

type Run = { ports: Ports; context: BuildContext; journal: Journal; progress: Progress };

async function settle(
  journal: Journal,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<Pick<BuildResult, 'exitCode' | 'failure'>> {
  try {
    await work();
    return { exitCode: 0 };
  } catch (error) {
    // Once aborted, whatever error comes is the cancellation.
    return journal.describeFailure(signal.aborted ? signal.reason : error);
  }
}

async function queued(request: BuildRequest, run: Run): Promise<void> {
  const { context, journal } = run;
  const onAhead = (ahead: number) => void context.emit({ type: 'build.queued', ...journal.stamp, ahead });
  const { signal } = context;
  const leave = await journal.step({ step: 'queue' }, signal, () => context.queue.enter({ signal, onAhead }));
  try {
    await started(request, run);
  } finally {
    leave();
  }
}

async function started(request: BuildRequest, run: Run): Promise<void> {
  const { ports, context, journal, progress } = run;
  progress.startedAt = journal.stamp.time;
  await context.emit({ type: 'build.started', ...journal.stamp });
  const limit = Math.min(request.policy.timeout ?? context.maxTimeout, context.maxTimeout);
  using deadline = startDeadline(context.signal, limit);
  try {
    await using workspace = await ports.workspaces.create(request.id);
    await using source = await journal.step({ step: 'source' }, deadline.signal, (io) =>
      fetchSource(request, { source: ports.source, workspace: workspace.directory }, io),
    );
    progress.source = describeSource(request, source);
    await execute(request, source, { ports, journal, progress, signal: deadline.signal });
  } catch (error) {
    throw deadline.signal.aborted ? deadline.signal.reason : error;
  }
}

function startDeadline(signal: AbortSignal, ms: number): { signal: AbortSignal } & Disposable {
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort(new Failure('TIMEOUT', `the build took longer than ${formatDuration(ms)}`));
  }, ms);
  return { signal: AbortSignal.any([signal, timeout.signal]), [Symbol.dispose]: () => clearTimeout(timer) };
}

function describeSource(request: BuildRequest, { revision }: FetchedSource): SourceResult {
  const { id, ref, committedAt, author } = revision;
  const at = { committedAt: committedAt.toISOString(), author };
  return { repo: request.source.url, ...(ref !== undefined && { ref }), revision: id, ...at };
}
