import type { Caller } from '../model/caller.js';
import type { Failure, FailureCode } from '../model/errors.js';

/** How a build went wrong. `message` is redacted. */
export type PastFailure = { time: string; code: FailureCode; build: string; message: string };

/** The builds of this process that failed not long ago, as far back as a few are kept. What its caller ended has not failed. */
export type Failures = {
  add(failure: Failure, of: { build: string; caller: Pick<Caller, 'fingerprint'>; time: Date }): void;
  /** The newest one that this caller may see, and without one the newest. */
  last(caller?: Caller): PastFailure | undefined;
};

const KEPT = 100;

export function createFailures(): Failures {
  const past: { owner: string; failure: PastFailure }[] = [];
  return {
    add({ code, message }, { build, caller, time }) {
      if (code === 'CANCELLED') return;
      past.unshift({
        owner: caller.fingerprint,
        failure: { time: time.toISOString(), code, build, message },
      });
      past.length = Math.min(past.length, KEPT);
    },
    last: (caller) =>
      past.find(
        ({ owner }) =>
          caller === undefined || caller.rights.everyBuild === true || owner === caller.fingerprint,
      )?.failure,
  };
}
