import { Failure } from '../../model/errors.js';
import { findEntry, type Tree } from '../../model/tree.js';
import type { Spools, StepIO } from '../../ports.js';
import type { RepositoryRequest } from '../../model/request.js';
import { archivedEntries, DamagedCache } from './archive.js';
import type { Cache, Cached } from './cache.js';
import type { Changeset } from './changeset.js';
import type { Remote } from './remote.js';

export type TreePlace = {
  remote: Remote;
  cache: Cache;
  spools: Spools;
  /** A directory of the build on disk. */
  scratch: string;
  io: StepIO;
};

export type OpenTree = { tree: Tree & AsyncDisposable; changeset: Changeset };

/**
 * The files of a changeset, copied from the cache for the time of the build. A cache that turns out to be damaged is
 * made anew once. Rejects with a Failure of exit 3.
 */
export async function openTree(node: string, place: TreePlace): Promise<OpenTree> {
  const hold = await place.cache.hold(place.io.signal);
  try {
    return await copyOut(node, place);
  } finally {
    await hold.release();
  }
}

async function copyOut(node: string, place: TreePlace): Promise<OpenTree> {
  const { remote, cache, io } = place;
  for (let isRepaired = false; ; isRepaired = true) {
    const cached = await cache.obtain(node, remote, io.signal);
    try {
      return { tree: await copyFiles(cached, place), changeset: cached.changeset };
    } catch (error) {
      if (!(error instanceof DamagedCache)) throw error;
      if (isRepaired) throw damagedAgain(error);
      await cache.discard(cached, io.signal);
    }
  }
}

async function copyFiles(
  cached: Cached,
  { cache, spools, scratch, io }: TreePlace,
): Promise<Tree & AsyncDisposable> {
  let tree: (Tree & AsyncDisposable) | undefined;
  try {
    await cache.archive(
      cached,
      async (tar) => void (tree = await spools.spool(archivedEntries(tar, cached.changeset.time), scratch)),
      io.signal,
    );
    return tree!;
  } catch (error) {
    await tree?.[Symbol.asyncDispose]();
    throw error;
  }
}

function damagedAgain(cause: DamagedCache): Failure {
  return new Failure('SOURCE_FAILED', 'the copy of the repository is damaged, and a fresh one is too', {
    cause,
  });
}

/** Mercurial's subrepositories are left out, as `hg archive` leaves them out: said, or with `yes` refused. */
export async function checkSubrepositories(
  tree: Tree,
  { submodules }: RepositoryRequest,
  { emit }: StepIO,
): Promise<void> {
  if (submodules === 'no' || findEntry(await tree.entries(), '.hgsub') === undefined) return;
  const message = 'the source names subrepositories in .hgsub, which are not fetched';
  if (submodules === 'yes') throw new Failure('NOT_SUPPORTED', message);
  await emit({ type: 'warning', message });
}
