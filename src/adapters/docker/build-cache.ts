import type Docker from 'dockerode';
import type { Kept, Removed, Stock } from '../../ports.js';
import { type Connection, connect, requestJson } from './connection.js';
import { withDeadline } from './deadline.js';
import { type CacheRecord, measure } from './disk-usage.js';
import { engineFailure } from './engine-failure.js';
import { findRootDirectory } from './root-directory.js';

/** Milliseconds that the engine has to remove what it is told to. */
export const PRUNING = 600_000;
/** Milliseconds for which a measurement counts: each build makes it grow, and the engine measures file by file. */
const FRESH = 300_000;

/** BuildKit's cache. It says not whose it is: only for an engine that nobody else uses. */
export function createBuildCache(where?: Docker.DockerOptions): Stock {
  const connection = connect(where);
  const place = findRootDirectory(connection);
  let listedAt = -Infinity;
  return {
    kind: 'layers of the build cache',
    place,
    hasGrown: () => performance.now() - listedAt > FRESH,
    async list() {
      listedAt = performance.now();
      return (await records(connection)).map(kept);
    },
    remove: (chosen) => prune(connection, chosen),
  };
}

async function records(connection: Connection): Promise<CacheRecord[]> {
  return (await measure(connection, 'build-cache')).filter(({ Shared }) => !Shared);
}

function kept({ ID: name, Size, InUse, CreatedAt, LastUsedAt }: CacheRecord): Kept {
  const usedAt = InUse ? Date.now() : Date.parse(LastUsedAt ?? CreatedAt);
  return { name, bytes: Math.max(Size, 0), usedAt };
}

/**
 * The engine chooses by itself, in the same order: it is told how much may stay (POST /build/prune, Engine API; `keep-storage` is called
 * `reserved-space` since API 1.48). What a build uses it never removes.
 */
async function prune(connection: Connection, chosen: readonly Kept[]): Promise<Removed> {
  const bytes = (list: readonly Kept[]) => list.reduce((sum, one) => sum + one.bytes, 0);
  const stays = Math.max(bytes((await records(connection)).map(kept)) - bytes(chosen), 0);
  const query = { all: true, 'keep-storage': stays, 'reserved-space': stays };
  try {
    const { CachesDeleted, SpaceReclaimed } = await withDeadline(connection, { ms: PRUNING }, (signal) =>
      requestJson<{ CachesDeleted: string[] | null; SpaceReclaimed: number }>(connection, {
        ...{ method: 'POST', path: '/build/prune', query, signal, patient: true },
      }),
    );
    return { count: CachesDeleted?.length ?? 0, bytes: SpaceReclaimed };
  } catch (error) {
    throw engineFailure(connection, 'collect its build cache', error);
  }
}
