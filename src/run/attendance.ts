import { onAbort } from '../model/abort.js';
import { CallerGone } from '../model/caller.js';
import { Failure } from '../model/errors.js';
import { formatDuration } from '../model/quantity.js';
import type { OnDisconnect } from '../model/request.js';

/** Who still looks at a build: its caller, and those who have attached. Disposing stops all waiting. */
export type Attendance = Disposable & {
  /** Somebody looks on, until the answer is called. */
  join(): () => void;
  /** Its caller is there, or somebody who has attached. */
  readonly watched: boolean;
};

/**
 * Cancels a build when its caller wants that, and when the caller has gone away as `policy` says: at once, never, or where nobody has
 * looked at the build for a time.
 */
export function watchCaller(
  caller: AbortSignal,
  policy: OnDisconnect,
  cancel: (why: Failure) => void,
): Attendance {
  let [deserted, ended, watchers] = [false, false, 0];
  let grace: NodeJS.Timeout | undefined;
  const wait = (): void => {
    if (!deserted || ended || policy.kind !== 'grace' || watchers > 0) return;
    const message = `the caller went away, and nobody attached within ${formatDuration(policy.ms)}`;
    grace = setTimeout(() => cancel(new Failure('CANCELLED', message)), policy.ms);
  };
  const leave = (): void => {
    if (!(caller.reason instanceof CallerGone))
      return cancel(new Failure('CANCELLED', 'the caller cancelled the build'));
    if (policy.kind === 'cancel') return cancel(new Failure('CANCELLED', 'the caller went away'));
    deserted = true;
    wait();
  };
  const watch = onAbort(caller, leave);
  return {
    join() {
      watchers += 1;
      clearTimeout(grace);
      return () => {
        watchers -= 1;
        wait();
      };
    },
    get watched() {
      return !deserted || watchers > 0;
    },
    [Symbol.dispose]() {
      watch[Symbol.dispose]();
      clearTimeout(grace);
      ended = true;
    },
  };
}
