import { Failure } from '../model/errors.js';

export type QueueLimits = { maxBuilds: number; maxQueued: number };

/** Places for builds that run at once; who finds none waits in order of arrival. */
export type Queue = {
  /**
   * Resolves once there is a place; the caller releases it once. `onAhead` hears how many start earlier, now and whenever that changes.
   * Rejects with QUEUE_FULL at once, or with the signal's reason.
   */
  enter(options: { signal: AbortSignal; onAhead: (ahead: number) => void }): Promise<() => void>;
  /** A place at once, where there is one that nobody waits for. */
  tryEnter(): (() => void) | undefined;
  running(): number;
  waiting(): number;
};

type Waiter = { start: () => void; onAhead: (ahead: number) => void };

export function createQueue({ maxBuilds, maxQueued }: QueueLimits): Queue {
  const waiters: Waiter[] = [];
  let running = 0;

  const release = () => {
    running--;
    waiters.shift()?.start();
    waiters.forEach((waiter, index) => waiter.onAhead(index + 1));
  };

  const wait = (signal: AbortSignal, onAhead: (ahead: number) => void) =>
    new Promise<void>((resolve, reject) => {
      const leave = () => {
        waiters.splice(waiters.indexOf(waiter), 1);
        waiters.forEach((other, index) => other.onAhead(index + 1));
        reject(signal.reason as Error);
      };
      const start = () => {
        signal.removeEventListener('abort', leave);
        running++;
        resolve();
      };
      const waiter: Waiter = { start, onAhead };
      waiters.push(waiter);
      onAhead(waiters.length);
      signal.addEventListener('abort', leave, { once: true });
    });

  return {
    async enter({ signal, onAhead }) {
      signal.throwIfAborted();
      if (running < maxBuilds) {
        running++;
        onAhead(0);
      } else {
        if (waiters.length >= maxQueued) {
          throw new Failure(
            'QUEUE_FULL',
            `${running} builds run and ${waiters.length} wait, there is no room for one more`,
          );
        }
        await wait(signal, onAhead);
      }
      return release;
    },
    tryEnter() {
      if (running >= maxBuilds || waiters.length > 0) return undefined;
      running++;
      return release;
    },
    running: () => running,
    waiting: () => waiters.length,
  };
}
