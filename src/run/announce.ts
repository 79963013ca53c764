import { sourceName, type BuildRequest } from '../model/request.js';
import type { BuildResult } from '../model/result.js';
import type { ProjectPlan } from '../plan/step.js';
import type { Notification, StepIO } from '../ports.js';
import { notifyChannels } from '../steps/notify.js';
import type { Execution, PendingNews, Ports, Progress } from './execution.js';
import type { Journal } from './journal.js';

type Outcome = Pick<BuildResult, 'exitCode' | 'failure'>;
type Announcement = { ports: Ports; journal: Journal; progress: Progress };

/** Tells the channels that the build has begun, beside the build itself. */
export function announcePending(request: BuildRequest, execution: Execution): void {
  const { journal, progress, signal } = execution;
  if (!progress.plan?.projects.some(({ notify }) => notify.length > 0)) return;
  const old = new AbortController();
  const warnings = new Set<string>();
  const emit: StepIO['emit'] = (event) => {
    if (event.type !== 'warning' || old.signal.aborted) return undefined;
    warnings.add(event.message);
    return journal.emit({ ...event, ...journal.stamp, step: 'notify' });
  };
  const io = { emit, signal: AbortSignal.any([signal, old.signal]) };
  const told = announce(request, { ...execution, outcome: undefined, io });
  progress.pending = { told, warnings, giveUp: () => old.abort() };
}

/** Tells the channels how it ended, whatever ended it. Never rejects. */
export async function announceOutcome(
  request: BuildRequest,
  outcome: Outcome,
  announcement: Announcement,
): Promise<void> {
  const { journal, progress } = announcement;
  const { pending } = progress;
  if (pending === undefined) return;
  await settled(pending);
  // Not the build's signal, which may have aborted long ago: the step has its own limit.
  const { signal } = new AbortController();
  await journal.step({ step: 'notify' }, signal, (io) =>
    announce(request, { ...announcement, outcome, io: withoutRepetition(pending, io) }),
  );
}

/** Milliseconds that the news of the beginning has when the end is known: a server that is slow must not hear of them in the wrong order. */
export const GRACE = 5_000;

async function settled(pending: PendingNews): Promise<void> {
  const timer = setTimeout(() => pending.giveUp(), GRACE);
  await pending.told;
  clearTimeout(timer);
}

/** A channel that is out of order is so at the beginning and at the end: the caller is told once. */
function withoutRepetition({ warnings }: PendingNews, { emit, signal }: StepIO): StepIO {
  return {
    signal,
    emit: (event) => (event.type === 'warning' && warnings.has(event.message) ? undefined : emit(event)),
  };
}

async function announce(
  request: BuildRequest,
  { ports, progress, outcome, io }: Announcement & { outcome: Outcome | undefined; io: StepIO },
): Promise<void> {
  const tools = { notifier: ports.notifier, credentials: request.credentials.notify };
  const told = progress.plan!.projects.map((plan) => {
    const { publicUrl } = ports;
    const url = publicUrl === undefined ? {} : { url: publicUrl.replaceAll('{id}', request.id) };
    const notification = { ...describe(request, plan, { progress, outcome }), ...url };
    return notifyChannels({ channels: plan.notify, notification }, tools, io);
  });
  await Promise.all(told);
}

function describe(
  request: BuildRequest,
  plan: ProjectPlan,
  { progress, outcome }: { progress: Progress; outcome: Outcome | undefined },
): Notification {
  const image = progress.images.find(({ project }) => project === plan.project);
  const images = (image?.refs ?? []).flatMap(({ ref, digest }) =>
    digest === undefined ? [] : [{ ref, digest }],
  );
  return {
    state: outcome === undefined ? 'pending' : outcome.exitCode === 0 ? 'success' : 'failure',
    build: request.id,
    project: plan.project,
    repo: sourceName(request.source),
    revision: progress.revision!,
    summary: summarize(outcome, images),
    images,
  };
}

function summarize(outcome: Outcome | undefined, images: Notification['images']): string {
  if (outcome === undefined) return 'is being built';
  if (outcome.failure) {
    const { step, project, message } = outcome.failure;
    const where = [step, project].filter(Boolean).join(' ');
    return [where, message].filter(Boolean).join(': ');
  }
  return images.length > 0 ? `built ${images.map(({ ref }) => ref).join(', ')}` : 'built';
}
