import { createHash } from 'node:crypto';
import { mkdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import type { Caches, StepIO } from '../../ports.js';
import { type Connection, connect, isStatus, requestJson } from './connection.js';
import { withDeadline } from './deadline.js';
import { engineFailure } from './engine-failure.js';

/** Tells a cache from other volumes. */
const LABEL = 'buildbot.cache';

/** Milliseconds that the engine has to measure all volumes, file by file. */
export const MEASURING = 300_000;
/** Milliseconds that it has to remove one, with all that it holds. */
export const REMOVING = 60_000;

export type CachesOptions = {
  /** Where the engine is; what is absent comes from DOCKER_HOST and its like, or is the default socket. */
  connection?: Docker.DockerOptions;
  /** Holds an empty file for each cache, whose time is that of its last use. Made where it is missing. */
  directory: string;
  /** Bytes that all caches together may have. */
  limit: number;
  /** Hears of a collection that failed: the next build tries again. */
  onTrouble?: (error: unknown) => void;
};

/** Caches as named volumes of the engine. What is held is known to this process alone. */
export function createCaches({
  connection: where,
  directory,
  limit,
  onTrouble = () => undefined,
}: CachesOptions): Caches & {
  /** Resolves when no collection is under way. */
  collected(): Promise<void>;
} {
  const connection = connect(where);
  const held = new Set<string>();
  let collecting: Promise<void> | undefined;
  return {
    async acquire(repository, path, { emit, signal }) {
      const volume = firstFree(repository, path, held);
      held.add(volume);
      try {
        await markUse(directory, volume);
        await createVolume(connection, volume, signal);
      } catch (error) {
        held.delete(volume);
        throw error;
      }
      let disposal: Promise<void> | undefined;
      const release = () => markLastUse(directory, volume, emit).finally(() => held.delete(volume));
      return { volume, [Symbol.asyncDispose]: () => (disposal ??= release()) };
    },
    collect: () =>
      void (collecting ??= collectCaches(connection, { directory, limit, held })
        .catch(onTrouble)
        .finally(() => (collecting = undefined))),
    collected: async () => collecting,
  };
}

/** The same build again gets the same volume, and one that runs at the same time the next one. */
function firstFree(repository: string, path: string, held: ReadonlySet<string>): string {
  const hash = createHash('sha256').update(`${repository}\0${path}`).digest('hex').slice(0, 16);
  for (let n = 1; ; n++) {
    const volume = `buildbot-cache-${hash}-${n}`;
    if (!held.has(volume)) return volume;
  }
}

async function createVolume(connection: Connection, name: string, signal: AbortSignal): Promise<void> {
  const request = { method: 'POST', path: '/volumes/create' } as const;
  const json = { Name: name, Labels: { [LABEL]: '1' } };
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

type Collection = { directory: string; limit: number; held: Set<string> };

async function collectCaches(connection: Connection, { directory, limit, held }: Collection): Promise<void> {
  const caches = await listCaches(connection, directory);
  let total = caches.reduce((sum, { size }) => sum + size, 0);
  for (const { name, size } of caches.sort((a, b) => a.usedAt - b.usedAt)) {
    if (total <= limit) return;
    if (held.has(name)) continue;
    // Nobody gets it while it is being removed.
    held.add(name);
    const removed = await removeVolume(connection, name).finally(() => held.delete(name));
    if (!removed) continue;
    total -= size;
    await rm(join(directory, name), { force: true });
  }
}

/** As `GET /system/df` has it (Engine API, SystemDataUsage). Size -1: the engine does not know. */
type Volume = { Name: string; Labels: Record<string, string> | null; UsageData?: { Size: number } | null };
type Cache = { name: string; size: number; usedAt: number };

async function listCaches(connection: Connection, directory: string): Promise<Cache[]> {
  // Before API 1.42 `type` is not known, and everything is measured.
  const request = { method: 'GET', path: '/system/df', query: { type: 'volume' } } as const;
  const { Volumes } = await withDeadline(connection, { ms: MEASURING }, (signal) =>
    requestJson<{ Volumes: Volume[] | null }>(connection, { ...request, signal, patient: true }),
  ).catch((error: unknown) => {
    throw engineFailure(connection, 'measure the caches', error);
  });
  const caches = (Volumes ?? []).filter(({ Labels }) => Labels?.[LABEL] === '1');
  return Promise.all(
    caches.map(async ({ Name: name, UsageData }) => {
      return { name, size: Math.max(UsageData?.Size ?? 0, 0), usedAt: await lastUse(directory, name) };
    }),
  );
}

/** Says whether it is gone. One that a container has, of another runner too, stays. */
async function removeVolume(connection: Connection, name: string): Promise<boolean> {
  try {
    await withDeadline(connection, { ms: REMOVING }, (signal) =>
      requestJson(connection, { method: 'DELETE', path: `/volumes/${name}`, signal, patient: true }),
    );
    return true;
  } catch (error) {
    if (isStatus(error, 409)) return false;
    if (isStatus(error, 404)) return true;
    throw engineFailure(connection, 'remove a cache', error);
  }
}
