import { onAbort } from '../model/abort.js';
import { Failure } from '../model/errors.js';
import type { StepName } from '../model/events.js';
import { formatDuration } from '../model/quantity.js';

/** Milliseconds that single steps may take. What is absent has the time of the whole build. */
export type StepTimeouts = Readonly<Partial<Record<StepName, number>>>;

/** The time of one step. Disposing it ends the time alone: the signal goes on with the build's, for what the step has opened. */
export type StepLimit = Disposable & {
  signal: AbortSignal;
  /** The failure, once the time is over. */
  readonly over: Failure | undefined;
};

export type StepLimits = (step: StepName, build: AbortSignal) => StepLimit;

/** `onStart` hears of each limit's signal; `why` adds to the sentence what is known of the reason. */
export function createStepLimits(
  timeouts: StepTimeouts,
  { onStart, why }: { onStart: (signal: AbortSignal) => void; why: () => string },
): StepLimits {
  return (step, build) => {
    const ms = timeouts[step];
    if (ms === undefined) return { signal: build, over: undefined, [Symbol.dispose]: () => undefined };
    const limit = new AbortController();
    let over: Failure | undefined;
    const stop = () => limit.abort(build.reason);
    onAbort(build, stop);
    const timer = setTimeout(() => {
      if (!limit.signal.aborted) over = tookTooLong(step, ms, why());
      limit.abort(over);
    }, ms);
    onStart(limit.signal);
    return {
      signal: limit.signal,
      get over() {
        return over;
      },
      [Symbol.dispose]: () => clearTimeout(timer),
    };
  };
}

function tookTooLong(step: StepName, ms: number, why: string): Failure {
  const setting = `${step}=… in BUILDBOT_STEP_TIMEOUTS`;
  return new Failure('TIMEOUT', `the step '${step}' took longer than ${formatDuration(ms)}${why}`, {
    hint:
      step === 'queue'
        ? `try again later, or ask whoever runs this buildbot to raise ${setting}`
        : `try again, or ask whoever runs this buildbot to raise ${setting}`,
  });
}
