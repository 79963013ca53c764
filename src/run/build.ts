import { onAbort } from '../model/abort.js';
import { Failure } from '../model/errors.js';
import { LAST_WORDS } from '../model/last-words.js';
import type { BuildEvent, Emit } from '../model/events.js';
import { formatDuration } from '../model/quantity.js';
import { sourceName, type BuildRequest } from '../model/request.js';
import { statusOf, type BuildResult, type SourceResult } from '../model/result.js';
import type { FetchedSource, OpenTerminal, SourceRevision } from '../ports.js';
import { fetchSource } from '../steps/source.js';
import { announceOutcome } from './announce.js';
import { execute } from './execute.js';
import type { Ports, Progress } from './execution.js';
import { Journal } from './journal.js';
import { createPatience, type Patience } from './patience.js';
import type { Queue, QueueEntry } from './queue.js';
import { createStepLimits, type StepTimeouts } from './step-limits.js';

export type BuildContext = {
  emit: Emit<BuildEvent>;
  /** Aborted with a Failure (CANCELLED, …) as its reason. */
  signal: AbortSignal;
  queue: Queue;
  owner: QueueEntry['owner'];
  /** Milliseconds that the server allows at most. */
  maxTimeout: number;
  stepTimeouts: StepTimeouts;
  /** Hears of what went wrong, with its cause, for the operator's log. */
  onFailure: (failure: Failure) => void;
  /** Takes secrets out of a text that goes elsewhere than to `emit`. */
  redact: (text: string) => string;
  /** The caller's terminal, where it wants a shell in what fails. */
  openTerminal?: OpenTerminal | undefined;
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
  using patience = createPatience(context.emit);
  patience.watch(context.signal);
  const limits = createStepLimits(context.stepTimeouts, {
    onStart: (signal) => patience.watch(signal),
    why: () => silentAgent(request),
  });
  const journal = new Journal(request.id, ports.clock, { emit: patience.emit, limits });
  const queuedAt = journal.stamp.time;
  const progress: Progress = { images: [], published: [] };
  const run = { ports, context, journal, progress, patience };
  const outcome = await settle(run, () => queued(request, run));
  await announceOutcome(request, redacted(outcome, context.redact), run);
  const { plan: _plan, revision: _revision, pending: _pending, ...reached } = progress;
  const result: BuildResult = {
    version: 1,
    id: request.id,
    status: statusOf(outcome.exitCode),
    ...outcome,
    ...reached,
    steps: journal.steps,
    queuedAt,
    finishedAt: journal.stamp.time,
  };
  patience.end(LAST_WORDS);
  await journal.emit({ type: 'result', ...journal.stamp, ...result });
  return result;
}

type Run = { ports: Ports; context: BuildContext; journal: Journal; progress: Progress; patience: Patience };

type Outcome = Pick<BuildResult, 'exitCode' | 'failure'>;

async function settle({ journal, context }: Run, work: () => Promise<void>): Promise<Outcome> {
  try {
    await work();
    return { exitCode: 0 };
  } catch (error) {
    // Once aborted, whatever error comes is the cancellation.
    const failed = journal.describeFailure(context.signal.aborted ? context.signal.reason : error);
    context.onFailure(failed.cause);
    return { exitCode: failed.exitCode, failure: failed.failure };
  }
}

async function queued(request: BuildRequest, run: Run): Promise<void> {
  const { context, journal } = run;
  const { signal, owner } = context;
  const onAhead = (ahead: number) => void journal.emit({ type: 'build.queued', ...journal.stamp, ahead });
  const leave = await journal.step({ step: 'queue' }, signal, (io) =>
    context.queue.enter({ signal: io.signal, onAhead, owner }),
  );
  try {
    await started(request, run);
  } finally {
    leave();
    run.ports.storage.collect();
  }
}

async function started(request: BuildRequest, run: Run): Promise<void> {
  const { ports, context, journal, progress, patience } = run;
  progress.startedAt = journal.stamp.time;
  await journal.emit({ type: 'build.started', ...journal.stamp });
  using deadline = startDeadline(request, context.signal, context.maxTimeout);
  const { signal } = deadline;
  patience.watch(signal);
  try {
    await using workspace = await ports.workspaces.create(request.id);
    await using source = await journal.step({ step: 'source' }, signal, async (io) => {
      await ports.storage.makeRoom(io);
      return await fetchSource(request, { ports, workspace }, io);
    });
    progress.source = describeSource(request, source);
    progress.revision = redactedRevision(source.revision, context.redact);
    const { scratch } = workspace;
    const { queue, openTerminal } = context;
    await execute(request, source, { ports, journal, progress, signal, scratch, queue, openTerminal });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

function startDeadline(
  request: BuildRequest,
  signal: AbortSignal,
  most: number,
): { signal: AbortSignal } & Disposable {
  const ms = Math.min(request.policy.timeout ?? most, most);
  // Not AbortSignal.any, whose signals live on as long as anything that they were handed to listens.
  const build = new AbortController();
  const stop = () => build.abort(signal.reason);
  const timer = setTimeout(() => {
    const message = `the build took longer than ${formatDuration(ms)}${silentAgent(request)}`;
    build.abort(new Failure('TIMEOUT', message, ms < most ? {} : { hint: MOST }));
  }, ms);
  const watch = onAbort(signal, stop);
  return {
    signal: build.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      watch[Symbol.dispose]();
    },
  };
}

const MOST =
  'that is the most that this runner allows: ask whoever runs this buildbot to raise BUILDBOT_MAX_TIMEOUT';

function silentAgent({ credentials: { agent } }: BuildRequest): string {
  return agent?.isWaiting?.() ? ', and the ssh-agent of the caller does not answer' : '';
}

// Channels are not the caller's own streams, which are redacted on their way.
function redacted({ exitCode, failure }: Outcome, redact: (text: string) => string): Outcome {
  return { exitCode, ...(failure && { failure: { ...failure, message: redact(failure.message) } }) };
}

function redactedRevision(revision: SourceRevision, redact: (text: string) => string): SourceRevision {
  const { author, message } = revision;
  return { ...revision, author: redact(author), message: redact(message) };
}

function describeSource(request: BuildRequest, { revision }: FetchedSource): SourceResult {
  const { id, ref, committedAt, author } = revision;
  const at = { committedAt: committedAt.toISOString(), author };
  return { repo: sourceName(request.source), ...(ref !== undefined && { ref }), revision: id, ...at };
}
