import type { BuildEvent, Emit } from '../model/events.js';

/** Milliseconds that a reader has to take the last events of a build that was cancelled or has run out of time. */
export const FAREWELL = 5_000;

/**
 * An emit that waits for a slow reader, but not for ever: a while after one of the watched signals has aborted it waits no more. Disposed,
 * it watches nothing: a signal made of others is kept in memory, with all that its listeners know, as long as somebody listens to it.
 */
export type Patience = Disposable & {
  emit: Emit<BuildEvent>;
  watch(signal: AbortSignal): void;
  /** From now on it waits for so many milliseconds at most. */
  end(ms: number): void;
};

export function createPatience(emit: Emit<BuildEvent>): Patience {
  const waiting = new Set<() => void>();
  const over = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  let gone = false;
  const giveUp = () => {
    gone = true;
    for (const stop of waiting) stop();
  };
  return {
    emit(event) {
      const taken = emit(event);
      if (taken === undefined || gone) return undefined;
      return new Promise((resolve) => {
        const stop = () => {
          waiting.delete(stop);
          resolve();
        };
        waiting.add(stop);
        void taken.then(stop, stop);
      });
    },
    watch(signal) {
      const start = () => void timers.push(setTimeout(giveUp, FAREWELL).unref());
      if (signal.aborted) start();
      else signal.addEventListener('abort', start, { once: true, signal: over.signal });
    },
    end: (ms) => void timers.push(setTimeout(giveUp, ms).unref()),
    [Symbol.dispose]() {
      over.abort();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
