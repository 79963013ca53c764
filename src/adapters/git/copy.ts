import type { HeldCommit } from './holds.js';
import type { Mirror } from './mirror.js';
import { damagedAgain, DamagedMirror, openObjects, type Objects } from './objects.js';
import type { Remote } from './remote.js';
import type { Store } from './store.js';

export type CopyParts = {
  mirror: Mirror;
  remote: Remote;
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Milliseconds for which a git that nobody reads from waits for the next reader; 0: it ends at once. */
  idle: number;
};

/** A commit that a build holds in a mirror. Each reader has a git of its own, or one that another has read to the end. */
export type Copy = {
  open: () => Objects;
  /** Repairs at most once at a time, however many readers ask for it. */
  repair: () => Promise<void>;
  use<T>(work: (objects: Objects, directory: string) => Promise<T>): Promise<T>;
  close: () => Promise<void>;
};

type Lease = { objects: Objects; store: Store };

export function createCopy(
  first: HeldCommit,
  { mirror, remote, environment, signal, idle }: CopyParts,
): Copy {
  let held = first;
  let repairing: Promise<void> | undefined;
  let isClosed = false;
  const running = new Set<Objects>();
  /** The one git that waits. */
  let waiting: (Lease & { timer: NodeJS.Timeout }) | undefined;
  const start = (): Lease => {
    const { store } = held;
    const place = { directory: store.directory, environment, memory: mirror.memory };
    return { objects: openObjects(place, signal), store };
  };
  const wake = (): Lease | undefined => {
    if (waiting === undefined || waiting.store !== held.store || !waiting.objects.isIdle()) return undefined;
    const lease = waiting;
    clearTimeout(lease.timer);
    waiting = undefined;
    return lease;
  };
  const endWaiting = async (): Promise<void> => {
    const lease = waiting;
    waiting = undefined;
    clearTimeout(lease?.timer);
    await lease?.objects.close();
  };
  const giveBack = async (lease: Lease): Promise<void> => {
    const mayWait = idle > 0 && !isClosed && !signal.aborted && waiting === undefined;
    if (!mayWait || !lease.objects.isIdle()) return lease.objects.close();
    waiting = { ...lease, timer: setTimeout(() => void endWaiting(), idle) };
  };
  const copy: Copy = {
    open() {
      signal.throwIfAborted();
      const lease = wake() ?? start();
      let closing: Promise<void> | undefined;
      const close = (): Promise<void> => (closing ??= giveBack(lease).finally(() => running.delete(tracked)));
      const tracked = { ...lease.objects, close };
      running.add(tracked);
      return tracked;
    },
    repair() {
      repairing ??= (async () => {
        signal.throwIfAborted();
        await endWaiting();
        held = await mirror.repair(held, remote, signal);
      })().finally(() => (repairing = undefined));
      return repairing;
    },
    async use(work) {
      for (let isRepaired = false; ; isRepaired = true) {
        const objects = copy.open();
        try {
          return await work(objects, held.store.directory);
        } catch (error) {
          if (!(error instanceof DamagedMirror)) throw error;
          if (isRepaired) throw damagedAgain(error);
          await copy.repair();
        } finally {
          await objects.close();
        }
      }
    },
    async close() {
      isClosed = true;
      await Promise.all([...running].map((objects) => objects.close()));
      await endWaiting();
      await held.release();
    },
  };
  return copy;
}
