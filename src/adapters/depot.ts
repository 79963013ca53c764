import { randomUUID } from 'node:crypto';
import {
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  unlink,
  type FileHandle,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Depot, Hold, Kept, Locks, Removed, Stock } from '../ports.js';
import { diskUsage } from './disk.js';
import { dataDirectoryFailure } from './place-file.js';
import type { Runner } from './runner.js';

export type DepotOptions = {
  dataDirectory: string;
  /** Name of the directory, and of the kind of repository: `git`. */
  kind: string;
  locks: Locks;
  runner: Pick<Runner, 'id' | 'register' | 'lives'>;
  /** Makes a copy smaller, without touching what is held. */
  trim?: (name: string) => Promise<void>;
};

type Parts = DepotOptions & { root: string; holds: (name: string) => string; size: (name: string) => string };

/**
 * Copies of repositories. Beside them, `holds` has a directory for each with an entry for each hold, whose time is that of the copy's last
 * use; `sizes` what each takes, as long as that is known.
 */
export function createDepot(options: DepotOptions): Depot & Stock {
  const { dataDirectory, kind, locks } = options;
  const root = join(dataDirectory, kind);
  const holds = (name: string): string => join(dataDirectory, 'holds', `${kind}-${name}`);
  const size = (name: string): string => join(dataDirectory, 'sizes', `${kind}-${name}`);
  const parts: Parts = { ...options, root, holds, size };
  const trimmed = new Map<string, number>();
  let hasGrown = true;
  return {
    root,
    async change({ name, part }, signal, task) {
      return await locks.alone(lockName(kind, name, part), signal, async () => {
        // Before too: a runner that is killed leaves no size that is not true.
        await rm(size(name), { force: true });
        try {
          return await task();
        } finally {
          hasGrown = true;
          await rm(size(name), { force: true });
        }
      });
    },
    hold: (name, what, signal) => hold(name, { ...parts, what, signal }),
    held: (name) => livingHolds(name, parts),
    kind: `${kind} repositories`,
    place: async () => dataDirectory,
    hasGrown: () => hasGrown,
    async list() {
      hasGrown = false;
      return await list(parts);
    },
    ...(options.trim && { trim: (kept) => trimGrown(kept, { ...parts, trimmed }) }),
    remove: (kept) => removeEach(kept, parts),
  };
}

function lockName(kind: string, name: string, part?: string): string {
  return [kind, name, ...(part === undefined ? [] : [part])].join('-');
}

async function hold(
  name: string,
  { what, signal, ...parts }: Parts & { what: string; signal: AbortSignal },
): Promise<Hold> {
  const { runner, locks, kind, holds } = parts;
  await runner.register();
  const mark = join(holds(name), `${runner.id}.${randomUUID()}.${what}`);
  if (!(await isMarked(mark))) {
    // Who removes a copy takes this directory away first. Alone, so that it is not made anew in the middle of that.
    await locks.alone(lockName(kind, name), signal, async () => {
      await mkdir(dirname(mark), { recursive: true, mode: 0o700 });
      await symlink('held', mark);
    });
  }
  return { release: () => unlink(mark).catch(() => undefined) };
}

async function isMarked(mark: string): Promise<boolean> {
  try {
    await symlink('held', mark);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw dataDirectoryFailure(error);
  }
}

/** Forgets on its way what runners hold that have ended. */
async function livingHolds(name: string, { holds, runner }: Parts): Promise<Set<string>> {
  const what = new Set<string>();
  for (const mark of await readdir(holds(name)).catch(() => [])) {
    const [holder = '', , held = ''] = mark.split('.');
    if (await runner.lives(holder)) what.add(held);
    else await rm(join(holds(name), mark), { force: true });
  }
  return what;
}

const GONE = '.gone-';
/** A copy on its way to its name, or thrown away, by whoever has its lock. */
const UNFINISHED = /\.(?:new|old)-/;

async function list(parts: Parts): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (const name of await readdir(parts.root).catch(() => [])) {
    // A removal that was cut short: whoever lists is the only one who removes.
    if (name.includes(GONE)) await rm(join(parts.root, name), { recursive: true, force: true });
    else if (UNFINISHED.test(name)) await clearUnfinished(name, parts);
    else kept.push({ name, bytes: await sizeOf(name, parts), usedAt: await lastUse(name, parts) });
  }
  return kept;
}

/** Where somebody has the lock, that one is at work on it. */
async function clearUnfinished(name: string, { root, kind, locks }: Parts): Promise<void> {
  const gone = join(root, `${name}${GONE}${randomUUID()}`);
  {
    await using lock = await locks.take(lockName(kind, name.split('.', 1)[0]!)).catch(() => undefined);
    if (lock === undefined) return;
    await rename(join(root, name), gone).catch(() => undefined);
  }
  await rm(gone, { recursive: true, force: true });
}

async function sizeOf(name: string, { root, size }: Parts): Promise<number> {
  const known = Number((await readFile(size(name), 'utf8').catch(() => '')) || NaN);
  if (Number.isSafeInteger(known)) return known;
  // Where the disk is full, or the data directory gone, it is measured again the next time.
  const file = await openSize(size(name)).catch(() => undefined);
  try {
    const bytes = await diskUsage(join(root, name));
    // All are of one length, so of two that are written at once none keeps a part of the other.
    await file?.write(String(bytes).padStart(16, '0'), 0).catch(() => undefined);
    return bytes;
  } finally {
    await file?.close();
  }
}

/** Open before it is measured: a change meanwhile removes the file, and what is written then nobody finds. */
async function openSize(file: string): Promise<FileHandle> {
  await mkdir(dirname(file), { mode: 0o700 }).catch(() => undefined);
  return await open(file, 'w');
}

async function lastUse(name: string, { root, holds }: Parts): Promise<number> {
  for (const path of [holds(name), join(root, name)]) {
    const found = await stat(path).catch(() => undefined);
    if (found) return found.mtimeMs;
  }
  return 0;
}

/** To trim takes a while, so each only where it has grown by a fifth since it was last done. */
async function trimGrown(
  { name, bytes }: Kept,
  { trimmed, ...parts }: Parts & { trimmed: Map<string, number> },
): Promise<number> {
  if (bytes <= 1.2 * (trimmed.get(name) ?? 0)) return bytes;
  await parts.trim?.(name);
  const left = await sizeOf(name, parts);
  trimmed.set(name, left);
  return left;
}

async function removeEach(kept: readonly Kept[], parts: Parts): Promise<Removed> {
  const removed = { count: 0, bytes: 0 };
  for (const { name, bytes } of kept) {
    if (!(await remove(name, parts))) continue;
    removed.count++;
    removed.bytes += bytes;
  }
  return removed;
}

/** Says whether it is gone. Where a build uses it, it stays. */
async function remove(name: string, parts: Parts): Promise<boolean> {
  const { root, holds, size, kind, locks } = parts;
  const gone = join(root, `${name}${GONE}${randomUUID()}`);
  {
    await using lock = await locks.take(lockName(kind, name));
    if (lock === undefined || (await livingHolds(name, parts)).size > 0) return false;
    // Fails where a hold has come just now; from here on nobody can place one without the lock.
    if (!(await isRemoved(holds(name)))) return false;
    await rename(join(root, name), gone).catch(() => undefined);
    await rm(size(name), { force: true });
  }
  await rm(gone, { recursive: true, force: true });
  return true;
}

async function isRemoved(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    return false;
  }
}
