import { Failure } from '../model/errors.js';
import type { BuildEvent, Emit, StepName } from '../model/events.js';
import type { BuildRequest } from '../model/request.js';
import type { BuildResult } from '../model/result.js';
import { runBuild } from './build.js';
import type { Ports } from './execution.js';
import { createQueue, type QueueLimits } from './queue.js';

/** Who asked: the key's fingerprint is the identity, the rest is for people. */
export type Caller = { fingerprint: string; comment: string; address: string };

/** One build that runs or waits, as `status` shows it. */
export type BuildStatus = {
  id: string;
  caller: Caller;
  repo: string;
  state: 'queued' | 'running';
  step: StepName;
  queuedAt: string;
  startedAt?: string;
};

export type Submission = { caller: Caller; emit: Emit<BuildEvent>; signal: AbortSignal };

/** The builds of this process: the only thing that knows more than one of them. */
export type Builds = {
  /** Runs a build to its end. Rejects with USAGE (id taken) or DRAINING before anything has started; else never. */
  submit(request: BuildRequest, submission: Submission): Promise<BuildResult>;
  list(): readonly BuildStatus[];
  limits: QueueLimits;
  /** Takes no more builds; resolves once none runs. Safe twice. */
  drain(): Promise<void>;
  /** Cancels all that run or wait. */
  cancelAll(why: Failure): void;
};

export type BuildsOptions = {
  limits: QueueLimits;
  maxTimeout: number;
  /** Hears of each build that did not succeed, with its cause, for the operator's log. */
  onFailure: (id: string, failure: Failure) => void;
};

type Entry = { status: BuildStatus; cancel: (why: Failure) => void };

export function createBuilds(ports: Ports, { limits, maxTimeout, onFailure }: BuildsOptions): Builds {
  const queue = createQueue(limits);
  const entries = new Map<string, Entry>();
  const idle: (() => void)[] = [];
  let draining = false;

  const leave = (id: string) => {
    entries.delete(id);
    if (entries.size === 0) for (const resolve of idle.splice(0)) resolve();
  };

  return {
    async submit(request, { caller, emit, signal }) {
      if (draining) throw new Failure('DRAINING', 'this runner is shutting down and takes no more builds');
      if (entries.has(request.id)) {
        throw new Failure('USAGE', `--id '${request.id}' is the id of a build that runs now`, {
          hint: 'choose another, or leave it out',
        });
      }
      const cancel = new AbortController();
      const status = newStatus(request, caller, ports.clock.now());
      entries.set(request.id, { status, cancel: (why) => cancel.abort(why) });
      try {
        return await runBuild(request, ports, {
          emit: (event) => (observe(status, event), emit(event)),
          signal: AbortSignal.any([signal, cancel.signal]),
          queue,
          maxTimeout,
          onFailure: (failure) => onFailure(request.id, failure),
        });
      } finally {
        leave(request.id);
      }
    },
    list: () => [...entries.values()].map(({ status }) => status),
    limits,
    drain() {
      draining = true;
      return entries.size === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve));
    },
    cancelAll(why) {
      for (const { status, cancel } of entries.values()) {
        // What never began is refused, not cancelled: the caller may try the next runner.
        cancel(status.state === 'queued' ? new Failure('DRAINING', why.message) : why);
      }
    },
  };
}

function newStatus(request: BuildRequest, caller: Caller, now: Date): BuildStatus {
  return {
    id: request.id,
    caller,
    repo: request.source.url,
    state: 'queued',
    step: 'queue',
    queuedAt: now.toISOString(),
  };
}

function observe(status: BuildStatus, event: BuildEvent): void {
  if (event.type === 'build.started') {
    status.state = 'running';
    status.startedAt = event.time;
  }
  if (event.type === 'step.started') status.step = event.step;
}
