/** Milliseconds without a byte after which the engine is asked whether it is there. */
export const SILENCE = 30_000;
/** Milliseconds in which it has to answer that. */
export const ANSWER = 30_000;
/** Between two questions that were not answered. */
const PAUSE = 1_000;

/** Milliseconds, in place of those above. */
export type Liveness = { silence?: number; answer?: number; pause?: number };

export type Pulse = {
  /** Of the connection that is watched; undefined where nobody counts them. */
  bytes: () => number | undefined;
  /** Asks the engine on another connection. Rejects where it does not answer, at the latest when the signal aborts. */
  ask: (signal: AbortSignal) => Promise<void>;
};

/**
 * Watches a connection on which an engine may rightly be silent for long: a RUN that says nothing, a container that is waited for. Asking
 * on another one tells it from an engine that is frozen or gone. Resolves with true once that is so, with false when `end` aborts.
 */
export async function watchPulse(
  { bytes, ask }: Pulse,
  end: AbortSignal,
  { silence = SILENCE, answer = ANSWER, pause = PAUSE }: Liveness = {},
): Promise<boolean> {
  for (let seen = bytes(); await sleep(silence, end); seen = bytes()) {
    if (bytes() !== seen) continue;
    const deadline = AbortSignal.timeout(answer);
    while (!(await answers(ask, deadline)) && bytes() === seen) {
      if (end.aborted) return false;
      if (deadline.aborted) return true;
      await sleep(Math.min(pause, answer), end);
    }
  }
  return false;
}

/** Says whether it slept to the end. Of node's own timers each that is ended early costs an error with its stack. */
function sleep(ms: number, end: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (end.aborted) return resolve(false);
    const settle = (isOver: boolean) => {
      clearTimeout(timer);
      end.removeEventListener('abort', wake);
      resolve(isOver);
    };
    const wake = () => settle(false);
    const timer = setTimeout(settle, ms, true).unref();
    end.addEventListener('abort', wake);
  });
}

async function answers(ask: Pulse['ask'], deadline: AbortSignal): Promise<boolean> {
  return ask(deadline).then(
    () => true,
    () => false,
  );
}
