import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Locks } from '../ports.js';
import { dataDirectoryFailure } from './place-file.js';
import type { Runner } from './runner.js';
import { createSerial } from './serial.js';

/** Milliseconds between two looks at a lock that another process has: the first, and at most. */
const [SOON, LATER] = [10, 200];

export type LocksOptions = {
  /** Made where it is missing. */
  directory: string;
  runner: Pick<Runner, 'id' | 'register' | 'lives'>;
};

/**
 * Locks between processes, without a timeout: each is a directory that holds one entry, which names its runner. A directory that was
 * made elsewhere can be renamed onto one that is absent or empty and onto no other (rename(2)), so exactly one gets it; and whoever
 * finds that its runner has ended removes that very entry, never one that came in its place. Of one process a name has one task at a time.
 */
export function createLocks({ directory, runner }: LocksOptions): Locks & {
  /** Removes what runners left that have ended. */
  sweep(): Promise<void>;
  /** For servers, once at the start: from then on a directory lies ready for the next lock. */
  layBy(): Promise<void>;
  /** Resolves when no task of this process has a lock: before that its name must not be forgotten. */
  settled(): Promise<void>;
} {
  const serial = createSerial();
  const running = new Set<Promise<unknown>>();
  let laysBy = false;
  const attempt = (name: string): Promise<Attempt> => prepare(name, { directory, runner, laysBy });
  return {
    alone: (name, signal, task) =>
      serial(name, signal, async () => {
        await using lock = await attempt(name);
        for (let pause = SOON; !(await lock.succeeds()); pause = Math.min(2 * pause, LATER)) {
          await setTimeout(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
        }
        const work = task();
        running.add(work);
        return await work.finally(() => running.delete(work));
      }),
    async take(name) {
      const lock = await attempt(name);
      if (await lock.succeeds()) return lock;
      await lock[Symbol.asyncDispose]();
      return undefined;
    },
    async settled() {
      while (running.size > 0) await Promise.allSettled(running);
    },
    async sweep() {
      for (const name of await readdir(directory).catch(() => [])) {
        const place = join(directory, name);
        if (!name.endsWith('.new')) await breakIfDead(place, runner);
        else if (!(await runner.lives(runnerOf(name)))) await rm(place, { recursive: true, force: true });
      }
    },
    async layBy() {
      laysBy = true;
      await layBy(spareOf(directory, runner));
    },
  };
}

/** Disposing gives the lock back, or up. */
type Attempt = AsyncDisposable & { succeeds(): Promise<boolean> };

async function prepare(
  name: string,
  { directory, runner, laysBy }: LocksOptions & { laysBy: boolean },
): Promise<Attempt> {
  await runner.register();
  const token = `${runner.id}-${randomUUID()}`;
  const [fresh, place] = [join(directory, `${token}.new`), join(directory, name)];
  const spare = spareOf(directory, runner);
  const isSpare = await makeDirectory(fresh, spare);
  const discard = async (): Promise<void> => {
    await rm(join(fresh, token), { force: true });
    if (isSpare) await rename(fresh, spare).catch(() => undefined);
    await rm(fresh, { recursive: true, force: true });
  };
  try {
    // A link costs one call, a file two, and no block of the disk.
    await symlink('taken', join(fresh, token));
  } catch (error) {
    await discard().catch(() => undefined);
    throw dataDirectoryFailure(error);
  }
  // It may have been lost, where there was no room to make it again after its use.
  if (laysBy && !isSpare) await layBy(spare);
  let isTaken = false;
  return {
    async succeeds() {
      isTaken = await isMoved(fresh, place);
      if (!isTaken && (await breakIfDead(place, runner))) isTaken = await isMoved(fresh, place);
      return isTaken;
    },
    async [Symbol.asyncDispose]() {
      if (isTaken) await removeEntry(place, token);
      else await discard();
      if (isSpare) await layBy(spare);
    },
  };
}

/** Making room takes locks too, so a server lays one directory by for when the disk is full. */
function spareOf(directory: string, { id }: { id: string }): string {
  return join(directory, `${id}-spare.new`);
}

async function layBy(spare: string): Promise<void> {
  await mkdir(spare, { recursive: true, mode: 0o700 }).catch(() => undefined);
}

/** Says whether it is the spare one. */
async function makeDirectory(fresh: string, spare: string): Promise<boolean> {
  try {
    await mkdir(fresh, { recursive: true, mode: 0o700 });
    return false;
  } catch (error) {
    await rename(spare, fresh).catch(() => {
      throw dataDirectoryFailure(error);
    });
    return true;
  }
}

async function isMoved(fresh: string, place: string): Promise<boolean> {
  try {
    await rename(fresh, place);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/** Says whether the lock may be free now. */
async function breakIfDead(place: string, runner: Pick<Runner, 'lives'>): Promise<boolean> {
  const tokens = await readdir(place).catch(() => []);
  for (const token of tokens) {
    if (await runner.lives(runnerOf(token))) return false;
    await removeEntry(place, token);
  }
  return true;
}

async function removeEntry(place: string, token: string): Promise<void> {
  await rm(join(place, token), { force: true });
  // It is not empty where somebody has it by now.
  await rmdir(place).catch(() => undefined);
}

function runnerOf(token: string): string {
  return token.split('-', 1)[0]!;
}
