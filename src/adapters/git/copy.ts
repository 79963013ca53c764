import type { HeldCommit } from './holds.js';
import type { Mirror } from './mirror.js';
import { damagedAgain, DamagedMirror, openObjects, type Objects } from './objects.js';
import type { Remote } from './remote.js';

export type CopyParts = {
  mirror: Mirror;
  remote: Remote;
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
};

/** A commit that a build holds in a mirror. Who reads it shares git's processes, one at a time. */
export type Copy = {
  open: () => Objects;
  /** Repairs at most once at a time, however many readers ask for it. */
  repair: () => Promise<void>;
  use<T>(work: (objects: Objects, directory: string) => Promise<T>): Promise<T>;
  close: () => Promise<void>;
};

/** Milliseconds for which a git that nobody reads from waits for the next reader: plan and image follow at once. */
const IDLE = 1_000;

export function createCopy(first: HeldCommit, { mirror, remote, environment, signal }: CopyParts): Copy {
  let held = first;
  let repairing: Promise<void> | undefined;
  const running = new Set<Objects>();
  const idle = new Map<Objects, NodeJS.Timeout>();
  const end = async (objects: Objects): Promise<void> => {
    clearTimeout(idle.get(objects));
    idle.delete(objects);
    await objects.close();
  };
  const endIdle = () => Promise.all([...idle.keys()].map(end));
  const start = () =>
    openObjects({ directory: held.store.directory, environment, memory: mirror.memory }, signal);
  const wake = (): Objects | undefined => {
    for (const [objects, timer] of idle) {
      clearTimeout(timer);
      idle.delete(objects);
      if (objects.isIdle()) return objects;
      void objects.close();
    }
    return undefined;
  };
  const copy: Copy = {
    open() {
      signal.throwIfAborted();
      const objects = wake() ?? start();
      const { store } = held;
      const close = async (): Promise<void> => {
        if (!running.delete(tracked)) return;
        if (objects.isIdle() && store === held.store && !signal.aborted)
          idle.set(
            objects,
            setTimeout(() => void end(objects), IDLE),
          );
        else await objects.close();
      };
      const tracked = { ...objects, close };
      running.add(tracked);
      return tracked;
    },
    repair() {
      repairing ??= (async () => {
        signal.throwIfAborted();
        await endIdle();
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
      await Promise.all([...running].map((objects) => objects.close()));
      await endIdle();
      await held.release();
    },
  };
  return copy;
}
