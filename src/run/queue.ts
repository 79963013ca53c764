import { Failure } from '../model/errors.js';

export type QueueLimits = { maxBuilds: number; maxQueued: number };

/**
 * Places for builds that run at once. Who finds none waits: owners take turns, and an owner's own builds start in the order in which they
 * came. One that waits for its owner's own limit is overtaken.
 */
export type Queue = {
  /**
   * Resolves once there is a place; the caller releases it once. `onAhead` hears how many places have to be given back before it starts,
   * now and whenever that changes. Rejects with QUEUE_FULL at once, or with the signal's reason.
   */
  enter(entry: QueueEntry): Promise<() => void>;
  /** A place at once, where there is one that nobody waits for. */
  tryEnter(): (() => void) | undefined;
};

export type QueueEntry = {
  signal: AbortSignal;
  onAhead: (ahead: number) => void;
  /** Whose build it is, and how many of theirs may run at once. */
  owner: { key: string; limit?: number };
};

type Waiter = { entry: QueueEntry; turn: number; told: number; start: () => void };

export function createQueue({ maxBuilds, maxQueued }: QueueLimits): Queue {
  /** In the order in which they start: by turn, and within one as they came. */
  const waiters: Waiter[] = [];
  const owners = new Map<string, number>();
  const turns = createTurns();
  let running = 0;

  const runningOf = (key: string): number => owners.get(key) ?? 0;
  const mayStart = ({ owner }: QueueEntry): boolean =>
    running < maxBuilds && runningOf(owner.key) < (owner.limit ?? Infinity);

  const take = ({ owner: { key } }: QueueEntry, turn: number): (() => void) => {
    running++;
    owners.set(key, runningOf(key) + 1);
    turns.begin(turn);
    return () => {
      if (runningOf(key) > 1) owners.set(key, runningOf(key) - 1);
      else owners.delete(key);
      release();
    };
  };

  const release = () => {
    running--;
    waiters.find(({ entry }) => mayStart(entry))?.start();
  };

  const tell = () => {
    for (const [index, waiter] of waiters.entries()) {
      if (waiter.told === index + 1) continue;
      waiter.told = index + 1;
      waiter.entry.onAhead(waiter.told);
    }
  };

  const leave = (place: number): void => {
    waiters.splice(place, 1);
    tell();
  };

  /** Its place goes to the next one of its owner, and so on: who takes a build back is not put off for it. */
  const giveUp = (waiter: Waiter): void => {
    const { key } = waiter.entry.owner;
    let place = waiters.indexOf(waiter);
    let { turn } = waiter;
    for (const [index, other] of waiters.entries()) {
      if (index <= place || other.entry.owner.key !== key) continue;
      waiters[place] = other;
      [other.turn, turn, place] = [turn, other.turn, index];
    }
    turns.giveBack(key, turn);
    leave(place);
  };

  const wait = (entry: QueueEntry) =>
    new Promise<() => void>((resolve, reject) => {
      const onAbort = () => {
        giveUp(waiter);
        reject(entry.signal.reason as Error);
      };
      const start = () => {
        entry.signal.removeEventListener('abort', onAbort);
        // Before the others hear of it: what they do then must find this place taken.
        resolve(take(entry, waiter.turn));
        leave(waiters.indexOf(waiter));
      };
      const waiter: Waiter = { entry, turn: turns.next(entry.owner.key), told: 0, start };
      const behind = waiters.findIndex(({ turn }) => turn > waiter.turn);
      waiters.splice(behind < 0 ? waiters.length : behind, 0, waiter);
      entry.signal.addEventListener('abort', onAbort, { once: true });
      tell();
    });

  /** One owner cannot shut the others out: who has nothing waiting finds a place also in a full queue, as long as those are not as many again. */
  const isFull = ({ owner: { key } }: QueueEntry): boolean =>
    waiters.length >= maxQueued &&
    (waiters.length >= 2 * maxQueued || waiters.some(({ entry }) => entry.owner.key === key));

  const full = ({ owner: { limit } }: QueueEntry): Failure => {
    const own = `this key has max-builds="${limit}" and runs as many`;
    const run = running < maxBuilds ? own : `${running} builds run`;
    return new Failure('QUEUE_FULL', `${run}, ${waiters.length} wait: there is no room for one more`);
  };

  return {
    async enter(entry) {
      entry.signal.throwIfAborted();
      if (mayStart(entry)) {
        const leavePlace = take(entry, turns.next(entry.owner.key));
        entry.onAhead(0);
        return leavePlace;
      }
      if (isFull(entry)) throw full(entry);
      return await wait(entry);
    },
    tryEnter() {
      if (running >= maxBuilds || waiters.some(({ entry }) => mayStart(entry))) return undefined;
      running++;
      return release;
    },
  };
}

/**
 * Numbers the turns of owners (start-time fair queueing, with builds that all weigh the same): each build of one owner gets a later turn
 * than its last one, and who comes anew joins the turn that is served now.
 */
function createTurns() {
  const latest = new Map<string, number>();
  let now = 0;
  return {
    next(key: string): number {
      const turn = Math.max(now, (latest.get(key) ?? -1) + 1);
      latest.set(key, turn);
      return turn;
    },
    /** The latest turn of an owner, which will not be taken. */
    giveBack: (key: string, turn: number) => void latest.set(key, turn - 1),
    begin(turn: number): void {
      if (turn <= now) return;
      now = turn;
      // They say no more than `now` does.
      for (const [key, last] of latest) if (last < now) latest.delete(key);
    },
  };
}
