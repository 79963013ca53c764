import type { Caller } from '../model/caller.js';
import { Failure } from '../model/errors.js';
import type { BuildEvent, Emit, EventOf, StepName } from '../model/events.js';
import { sourceName, type BuildRequest } from '../model/request.js';
import type { BuildResult } from '../model/result.js';
import type { OpenTerminal } from '../ports.js';
import { watchCaller, type Attendance } from './attendance.js';
import { runBuild } from './build.js';
import { type Built, describeBuilt } from './built.js';
import type { Ports } from './execution.js';
import { createFailures, type PastFailure } from './failures.js';
import type { Feed } from './feed.js';
import { createKeepsake, type Place } from './keepsake.js';
import { createQueue, type QueueLimits } from './queue.js';
import type { StepTimeouts } from './step-limits.js';

/** One build, as `status` shows it. */
export type BuildStatus = {
  id: string;
  caller: Pick<Caller, 'fingerprint' | 'comment' | 'address'>;
  repo: string;
  /** `ended`: a build that may be left; who comes back to it can still have its verdict. */
  state: 'queued' | 'running' | 'ended';
  step: StepName;
  /** While it waits: places that have to be given back before it starts. */
  ahead?: number;
  queuedAt: string;
  startedAt?: string;
  exitCode?: number;
  /** Somebody looks on: its caller, or who has attached. */
  watched: boolean;
};

export type Submission = {
  caller: Caller;
  emit: Emit<BuildEvent>;
  /** Where the redacted events arrive that somebody may attach to. */
  feed: Feed;
  /** Aborts when the caller has gone away (CallerGone) or wants the build to end. */
  signal: AbortSignal;
  /** Takes secrets out of what goes elsewhere: to notifications, to the operator's log. */
  redact: (text: string) => string;
  /** The caller's terminal, where it wants a shell in what fails. */
  openTerminal?: OpenTerminal | undefined;
};

/** A build that somebody came back to. */
export type BuildHandle = {
  status: BuildStatus;
  /** As `Feed.follow`; for that time the build is not without anybody who looks on. */
  follow(emit: Emit<BuildEvent>, signal: AbortSignal): Promise<EventOf<'result'> | undefined>;
  /** Ends it, and resolves when it has ended. Safe for one that has. */
  cancel(why: Failure): Promise<void>;
};

/** The builds of this process: the only thing that knows more than one of them. */
export type Builds = {
  /** Runs a build to its end. Rejects with USAGE (id taken) or DRAINING before anything has started; else never. */
  submit(request: BuildRequest, submission: Submission): Promise<BuildResult>;
  /** What this caller may see, and without one all: what waits, runs, or has ended not long ago and may be come back to. */
  list(caller?: Caller): readonly BuildStatus[];
  find(id: string, caller: Caller): BuildHandle | undefined;
  limits: QueueLimits;
  /** The newest failure that this caller may see, and without one the newest of all. */
  lastFailure(caller?: Caller): PastFailure | undefined;
  /** It takes no more builds. */
  isDraining(): boolean;
  /** Takes no more builds; resolves once none runs. Safe twice. */
  drain(): Promise<void>;
  /** Cancels all that run or wait. */
  cancelAll(why: Failure): void;
};

export type BuildsOptions = {
  limits: QueueLimits;
  maxTimeout: number;
  stepTimeouts: StepTimeouts;
  /** Hears of each build that did not succeed, with its cause, for the operator's log. */
  onFailure: (id: string, failure: Failure) => void;
  /** Hears of each one that did. */
  onSuccess: (built: Built) => void;
};

type Entry = {
  status: BuildStatus;
  feed: Feed;
  attendance: Pick<Attendance, 'join' | 'watched'>;
  cancel: (why: Failure) => void;
  ended: Promise<unknown>;
};

type RunningEntry = Entry & { attendance: Attendance; ended: Promise<BuildResult> };

export function createBuilds(ports: Ports, options: BuildsOptions): Builds {
  const { limits, maxTimeout, stepTimeouts, onFailure, onSuccess } = options;
  const queue = createQueue(limits);
  /** Each caller has names of its own for its builds. */
  const entries = new Map<string, RunningEntry>();
  const kept = createKeepsake<Entry>();
  const failures = createFailures();
  const idle: (() => void)[] = [];
  let draining = false;

  const start = (request: BuildRequest, submission: Submission): RunningEntry => {
    const { caller, emit, feed, redact, openTerminal } = submission;
    const end = new AbortController();
    const cancel = (why: Failure): void => end.abort(why);
    const attendance = watchCaller(submission.signal, request.policy.onDisconnect, cancel);
    const status = newStatus(request, caller, ports.clock.now());
    const { maxBuilds: limit } = caller.rights;
    const ended = runBuild(request, ports, {
      emit: (event) => (observe(status, event), emit(event)),
      signal: end.signal,
      queue,
      owner: { key: caller.fingerprint, ...(limit !== undefined && { limit }) },
      maxTimeout,
      stepTimeouts,
      redact,
      openTerminal,
      onFailure(failure) {
        const redacted = failure.mapText(redact);
        failures.add(redacted, { build: request.id, caller, time: ports.clock.now() });
        onFailure(request.id, redacted);
      },
    });
    return { status, feed, attendance, cancel, ended };
  };

  const leave = (request: BuildRequest, { status, feed, attendance }: RunningEntry): void => {
    entries.delete(keyOf(placeOf(status)));
    attendance[Symbol.dispose]();
    // Whether the caller has the verdict nobody knows: a dead link is noticed late.
    if (request.policy.onDisconnect.kind !== 'cancel') kept.keep(placeOf(status), endedEntry(status, feed));
    if (entries.size === 0) for (const resolve of idle.splice(0)) resolve();
  };

  return {
    async submit(request, submission) {
      const { id } = request;
      if (draining) throw new Failure('DRAINING', 'this runner is shutting down and takes no more builds');
      const key = keyOf({ owner: submission.caller.fingerprint, name: id });
      if (entries.has(key)) {
        throw new Failure('USAGE', `--id '${id}' is the id of a build of yours that runs now`, {
          hint: 'choose another, or leave it out',
        });
      }
      const entry = start(request, submission);
      kept.forget(placeOf(entry.status));
      entries.set(key, entry);
      try {
        const result = await entry.ended;
        if (result.exitCode === 0 && request.goal === 'build')
          onSuccess(describeBuilt(result, entry.status.caller, submission.redact));
        return result;
      } finally {
        leave(request, entry);
      }
    },
    list: (caller) =>
      [...entries.values(), ...kept.all()]
        .map(({ status, attendance: { watched } }) => ({ ...status, watched }))
        .filter((status) => caller === undefined || maySee(caller, status)),
    find(id, caller) {
      const known = [...entries.values(), ...kept.all()].filter(({ status }) => status.id === id);
      const own = known.find(({ status }) => status.caller.fingerprint === caller.fingerprint);
      const entry = own ?? known.find(({ status }) => maySee(caller, status));
      return entry && handleOf(entry);
    },
    limits,
    lastFailure: (caller) => failures.last(caller),
    isDraining: () => draining,
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

function keyOf({ owner, name }: Place): string {
  return `${owner} ${name}`;
}

function placeOf({ caller, id }: BuildStatus): Place {
  return { owner: caller.fingerprint, name: id };
}

/** All that is kept of a build: nothing of its request, its credentials or its caller's connection. */
function endedEntry(status: BuildStatus, feed: Feed): Entry {
  const attendance = { join: () => () => undefined, watched: false };
  return { status, feed, attendance, cancel: () => undefined, ended: Promise.resolve() };
}

function maySee({ fingerprint, rights }: Caller, status: BuildStatus): boolean {
  return rights.everyBuild === true || status.caller.fingerprint === fingerprint;
}

function handleOf({ status, feed, attendance, cancel, ended }: Entry): BuildHandle {
  return {
    status,
    async follow(emit, signal) {
      const leave = attendance.join();
      try {
        return await feed.follow(emit, signal);
      } finally {
        leave();
      }
    },
    async cancel(why) {
      cancel(why);
      await ended;
    },
  };
}

function newStatus(request: BuildRequest, caller: Caller, now: Date): BuildStatus {
  const { fingerprint, comment, address } = caller;
  return {
    id: request.id,
    caller: { fingerprint, comment, address },
    repo: sourceName(request.source),
    state: 'queued',
    step: 'queue',
    queuedAt: now.toISOString(),
    watched: true,
  };
}

function observe(status: BuildStatus, event: BuildEvent): void {
  if (event.type === 'build.queued') status.ahead = event.ahead;
  if (event.type === 'build.started' || event.type === 'result') delete status.ahead;
  if (event.type === 'build.started') {
    status.state = 'running';
    status.startedAt = event.time;
  }
  if (event.type === 'step.started') status.step = event.step;
  if (event.type === 'result') {
    status.state = 'ended';
    status.exitCode = event.exitCode;
  }
}
