import { createHash } from 'node:crypto';
import { mkdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import type { Caches, Kept, Locks, Removed, StepIO, Stock } from '../../ports.js';
import { type Connection, connect, isStatus, requestJson } from './connection.js';
import { withDeadline, withPatience } from './deadline.js';
import { measure } from './disk-usage.js';
import { engineFailure } from './engine-failure.js';
import { findRootDirectory } from './root-directory.js';

/** Tells a cache from other volumes, and the caches of one data directory from those of others. */
const [LABEL, FAMILY_LABEL] = ['buildbot.cache', 'buildbot.family'];

export type CachesOptions = {
  /** Where the engine is; what is absent comes from DOCKER_HOST and its like, or is the default socket. */
  connection?: Docker.DockerOptions;
  /** Holds an empty file for each cache, whose time is that of its last use. Made where it is missing. */
  directory: string;
  locks: Locks;
  /** The name of the data directory. */
  family: () => Promise<string>;
};

type Parts = { connection: Connection; directory: string; locks: Locks; family: () => Promise<string> };

/** Caches as named volumes of the engine, each with a lock, so that a cache has one container at a time. */
export function createCaches({ connection: where, ...options }: CachesOptions): Caches & Stock {
  const connection = connect(where);
  const parts: Parts = { connection, ...options };
  let hasGrown = true;
  return {
    async acquire(owner, path, { emit, signal }) {
      const { volume, lock } = await firstFree(owner, path, parts);
      try {
        await markUse(options.directory, volume);
        await createVolume(volume, signal, parts);
      } catch (error) {
        await lock[Symbol.asyncDispose]();
        throw error;
      }
      let disposal: Promise<void> | undefined;
      const release = async () => {
        await markLastUse(options.directory, volume, emit);
        await lock[Symbol.asyncDispose]();
        hasGrown = true;
      };
      return { volume, [Symbol.asyncDispose]: () => (disposal ??= release()) };
    },
    kind: 'caches of builders',
    place: findRootDirectory(connection),
    hasGrown: () => hasGrown,
    async list() {
      hasGrown = false;
      return await listCaches(parts);
    },
    remove: (kept) => removeEach(kept, parts),
  };
}

/** The same build again gets the same volume, and one that runs at the same time the next one. */
async function firstFree(
  owner: string,
  path: string,
  { family, locks }: Parts,
): Promise<{ volume: string; lock: AsyncDisposable }> {
  const hash = createHash('sha256').update(`${owner}\0${path}`).digest('hex').slice(0, 16);
  for (let n = 1; ; n++) {
    const volume = `buildbot-cache-${await family()}-${hash}-${n}`;
    const lock = await locks.take(volume);
    if (lock !== undefined) return { volume, lock };
  }
}

async function createVolume(name: string, signal: AbortSignal, { connection, family }: Parts): Promise<void> {
  const request = { method: 'POST', path: '/volumes/create' } as const;
  const json = { Name: name, Labels: { [LABEL]: '1', [FAMILY_LABEL]: await family() } };
  try {
    await withDeadline(connection, { signal }, (cut) =>
      requestJson(connection, { ...request, json, signal: cut }),
    );
  } catch (error) {
    signal.throwIfAborted();
    throw engineFailure(connection, 'make a cache', error);
  }
}

/** Without the mark it is collected sooner; that changes nothing for the build. */
async function markLastUse(directory: string, volume: string, emit: StepIO['emit']): Promise<void> {
  try {
    await markUse(directory, volume);
  } catch (error) {
    const message = `could not write down the last use of ${volume}: ${(error as Error).message}`;
    await emit({ type: 'warning', message });
  }
}

async function markUse(directory: string, volume: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const [path, now] = [join(directory, volume), new Date()];
  await writeFile(path, '');
  await utimes(path, now, now);
}

/** Milliseconds since the epoch; 0 for one whose mark is lost. */
async function lastUse(directory: string, volume: string): Promise<number> {
  return stat(join(directory, volume)).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

/** Only those of this data directory: a runner of another one may use the rest. */
async function listCaches({ connection, directory, family }: Parts): Promise<Kept[]> {
  const label = `${FAMILY_LABEL}=${await family()}`;
  // To measure takes the engine a while, to list does not.
  if (!(await areThere(connection, label))) return [];
  const caches = (await measure(connection, 'volume')).filter(
    ({ Labels }) => `${FAMILY_LABEL}=${Labels?.[FAMILY_LABEL]}` === label,
  );
  return Promise.all(
    caches.map(async ({ Name: name, UsageData }) => {
      return { name, bytes: Math.max(UsageData?.Size ?? 0, 0), usedAt: await lastUse(directory, name) };
    }),
  );
}

async function areThere(connection: Connection, label: string): Promise<boolean> {
  const request = {
    method: 'GET',
    path: '/volumes',
    query: { filters: JSON.stringify({ label: [label] }) },
  } as const;
  try {
    const { Volumes } = await withDeadline(connection, {}, (signal) =>
      requestJson<{ Volumes: unknown[] | null }>(connection, { ...request, signal }),
    );
    return (Volumes ?? []).length > 0;
  } catch (error) {
    throw engineFailure(connection, 'list the caches', error);
  }
}

async function removeEach(kept: readonly Kept[], { connection, directory, locks }: Parts): Promise<Removed> {
  const removed = { count: 0, bytes: 0 };
  for (const { name, bytes } of kept) {
    await using lock = await locks.take(name);
    if (lock === undefined || !(await removeVolume(connection, name))) continue;
    await rm(join(directory, name), { force: true });
    removed.count++;
    removed.bytes += bytes;
  }
  return removed;
}

/** Says whether it is gone. One that a container has stays. */
async function removeVolume(connection: Connection, name: string): Promise<boolean> {
  try {
    await withPatience(connection, (signal) =>
      requestJson(connection, { method: 'DELETE', path: `/volumes/${name}`, signal, patient: true }),
    );
    return true;
  } catch (error) {
    if (isStatus(error, 409)) return false;
    if (isStatus(error, 404)) return true;
    throw engineFailure(connection, 'remove a cache', error);
  }
}
