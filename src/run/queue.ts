import { Failure } from '../model/errors.js';

export type QueueLimits = { maxBuilds: number; maxQueued: number };

/** Places for builds that run at once; who finds none waits in order of arrival. */
export type Queue = {
  /**
   * Resolves once there is a place; the caller releases it once. `onAhead` hears how many start earlier, now and whenever that changes.
   * Rejects with QUEUE_FULL at once, or with the signal's reason.
   */
  enter(entry: QueueEntry): Promise<() => void>;
  /** A place at once, where there is one that nobody waits for. */
  tryEnter(): (() => void) | undefined;
};

export type QueueEntry = {
  signal: AbortSignal;
  onAhead: (ahead: number) => void;
  /** Whose build it is, and how many of theirs may run at once; others overtake the ones that wait for that. */
  owner: { key: string; limit?: number };
};

type Waiter = { entry: QueueEntry; start: () => void };

export function createQueue({ maxBuilds, maxQueued }: QueueLimits): Queue {
  const waiters: Waiter[] = [];
  const owners = new Map<string, number>();
  let running = 0;

  const runningOf = (key: string): number => owners.get(key) ?? 0;
  const mayStart = ({ owner }: QueueEntry): boolean =>
    running < maxBuilds && runningOf(owner.key) < (owner.limit ?? Infinity);

  const take = ({ owner: { key } }: QueueEntry): (() => void) => {
    running++;
    owners.set(key, runningOf(key) + 1);
    return () => {
      if (runningOf(key) > 1) owners.set(key, runningOf(key) - 1);
      else owners.delete(key);
      release();
    };
  };

  const release = () => {
    running--;
    const next = waiters.find(({ entry }) => mayStart(entry));
    next?.start();
  };

  const leave = (waiter: Waiter): void => {
    waiters.splice(waiters.indexOf(waiter), 1);
    waiters.forEach(({ entry }, index) => entry.onAhead(index + 1));
  };

  const wait = (entry: QueueEntry) =>
    new Promise<() => void>((resolve, reject) => {
      const giveUp = () => {
        leave(waiter);
        reject(entry.signal.reason as Error);
      };
      const start = () => {
        entry.signal.removeEventListener('abort', giveUp);
        // Before the others hear of it: what they do then must find this place taken.
        resolve(take(entry));
        leave(waiter);
      };
      const waiter: Waiter = { entry, start };
      waiters.push(waiter);
      entry.onAhead(waiters.length);
      entry.signal.addEventListener('abort', giveUp, { once: true });
    });

  return {
    async enter(entry) {
      entry.signal.throwIfAborted();
      if (mayStart(entry)) {
        const leavePlace = take(entry);
        entry.onAhead(0);
        return leavePlace;
      }
      if (waiters.length >= maxQueued) {
        throw new Failure(
          'QUEUE_FULL',
          `${running} builds run and ${waiters.length} wait, there is no room for one more`,
        );
      }
      return await wait(entry);
    },
    tryEnter() {
      if (running >= maxBuilds || waiters.some(({ entry }) => mayStart(entry))) return undefined;
      running++;
      return release;
    },
  };
}
