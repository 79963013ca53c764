import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../model/errors.js';
import type { RepositoryUrl } from '../../model/repository.js';
import type { Depot } from '../../ports.js';
import { discardHeld, holdCommit, type HeldCommit } from './holds.js';
import { openLargeObjects, type LargeObjects } from './lfs/store.js';
import { createObjectMemory, type ObjectMemory } from './object-memory.js';
import { openObjects, readWhole } from './objects.js';
import type { Remote } from './remote.js';
import { KEPT, KEPT_AT_LEAST, openStore, type Store } from './store.js';

/** The cache of one repository. What changes it is done by one at a time, reading needs no turn. */
export interface Mirror {
  /**
   * Finds `commit` in a store, or fetches it, and keeps it there until it is released. Asks the forge unless
   * `remote` is proven and the commit is there. Rejects with a Failure of exit 3.
   */
  obtain(commit: string, remote: Remote, signal: AbortSignal): Promise<HeldCommit>;
  /** As `obtain`, after the store in which `held` was found damaged has been thrown away. Releases `held`. */
  repair(held: HeldCommit, remote: Remote, signal: AbortSignal): Promise<HeldCommit>;
  /**
   * The commits of the whole history whose id begins with `prefix`. `sha256`: the repository's ids have 64
   * digits.
   */
  findCommits(
    prefix: string,
    remote: Remote,
    options: { sha256: boolean; signal: AbortSignal },
  ): Promise<string[]>;
  /** Of what was read here before. */
  memory: ObjectMemory;
  /** Where `dateEntries` remembers what was built. */
  datesFile: string;
  /** Of Git LFS. For callers whom the forge has accepted. */
  largeObjects: LargeObjects;
  /** Runs what changes `largeObjects`, one after another. */
  aloneWithLargeObjects: <T>(signal: AbortSignal, task: () => Promise<T>) => Promise<T>;
}

export interface Mirrors {
  of(repository: RepositoryUrl): Mirror;
}

/** Mirrors are the copies of `depot`, one for each URL. */
export function createMirrors(depot: Depot, environment: NodeJS.ProcessEnv): Mirrors {
  const memory = createObjectMemory();
  return {
    of(repository) {
      const name = createHash('sha256').update(identity(repository)).digest('hex');
      const directory = join(depot.root, name);
      const open = (kind: StoreKind, sha256: boolean): Store =>
        openStore(join(directory, `${kind}${sha256 ? '-sha256' : ''}.git`), { environment, sha256 });
      return createMirror({
        ...{ repository, name, open, depot, environment, memory },
        alone: (signal, task) => depot.change({ name }, signal, task),
        datesFile: join(directory, 'dates'),
        large: {
          largeObjects: openLargeObjects(join(directory, 'lfs')),
          aloneWithLargeObjects: (signal, task) => depot.change({ name, part: 'lfs' }, signal, task),
        },
      });
    },
  };
}

/** Makes a mirror smaller: what was not used lately goes, unless a build uses it, and the rest is packed into one. */
export async function trimMirror(depot: Depot, name: string, environment: NodeJS.ProcessEnv): Promise<void> {
  await depot.change({ name }, NEVER, async () => {
    const directory = join(depot.root, name);
    for (const kind of (await readdir(directory)).filter((entry) => /^tips(?:-sha256)?\.git$/.test(entry))) {
      const sha256 = kind.includes('sha256');
      await openStore(join(directory, kind), { environment, sha256 }).tidy(
        () => depot.held(name),
        KEPT_AT_LEAST,
      );
    }
  });
}

/**
 * `tips` holds single revisions, without their history; `complete` everything, for servers that give nothing
 * but tips; `history` commits alone, to find abbreviated ids. In one repository these would mix: git takes
 * what it has for what it would have fetched.
 */
type StoreKind = 'tips' | 'complete' | 'history';

type Parts = {
  repository: RepositoryUrl;
  name: string;
  open: (kind: StoreKind, sha256: boolean) => Store;
  depot: Depot;
  environment: NodeJS.ProcessEnv;
  memory: ObjectMemory;
  alone: <T>(signal: AbortSignal, task: () => Promise<T>) => Promise<T>;
  datesFile: string;
  large: Pick<Mirror, 'largeObjects' | 'aloneWithLargeObjects'>;
};

function createMirror(parts: Parts): Mirror {
  const { open, name, depot, memory, alone, datesFile, large } = parts;
  const mirror: Mirror = {
    ...large,
    memory,
    datesFile,
    async obtain(commit, remote, signal) {
      const stores = [open('tips', commit.length === 64), open('complete', commit.length === 64)];
      return await holdCommit({ depot, name, commit, signal }, async () => {
        const present = await findKept(stores, commit);
        if (present !== undefined && !remote.isProven()) await remote.advertise();
        return present ?? (await alone(signal, () => fetchCommit(parts, commit, remote)));
      });
    },
    async repair(held, remote, signal) {
      await alone(signal, () => discardHeld(held));
      await held.release();
      return await mirror.obtain(held.commit, remote, signal);
    },
    async findCommits(prefix, remote, { sha256, signal }) {
      const store = open('history', sha256);
      const hold = await depot.hold(name, '', signal);
      try {
        await alone(signal, () => fetchInto(store, remote, HISTORY));
        return await commitsAmong(store, await store.idsWith(prefix), { ...parts, signal });
      } finally {
        await hold.release();
      }
    },
  };
  return mirror;
}

async function findKept(stores: readonly Store[], commit: string): Promise<Store | undefined> {
  for (const store of stores) if (await store.touch(commit)) return store;
  return undefined;
}

const COMPLETE = {
  options: ['--prune'],
  refspecs: ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'],
};
const HISTORY = {
  options: ['--prune', '--filter=tree:0'],
  refspecs: ['+refs/heads/*:refs/history/heads/*', '+refs/tags/*:refs/history/tags/*'],
};

async function fetchCommit(parts: Parts, commit: string, remote: Remote): Promise<Store> {
  const { repository, name, open, depot, alone } = parts;
  const tips = open('tips', commit.length === 64);
  const complete = open('complete', commit.length === 64);
  // Somebody may have fetched it while this caller waited for its turn.
  const present = remote.isProven() ? await findKept([tips, complete], commit) : undefined;
  if (present !== undefined) return present;
  const outcome = await fetchInto(tips, remote, {
    options: ['--depth=1'],
    refspecs: [`+${commit}:${KEPT}${commit}`],
  });
  if (outcome === 'unadvertised') {
    await fetchInto(complete, remote, COMPLETE);
    if (await complete.keep(commit)) return complete;
  }
  if (outcome !== 'fetched')
    throw new Failure('REVISION_NOT_FOUND', `${repository.display} has no commit ${commit}`);
  // For later builds: nobody waits for it, and where it fails the next one tries again.
  void alone(NEVER, () => tips.tidy(() => depot.held(name))).catch(() => undefined);
  return tips;
}

const NEVER = new AbortController().signal;

// A store that was there before may be the reason for what nobody can explain; it is a cache, so it is made
// anew.
async function fetchInto(
  store: Store,
  remote: Remote,
  what: Parameters<Remote['fetch']>[1],
): ReturnType<Remote['fetch']> {
  const existed = store.exists();
  try {
    await store.create();
    return await remote.fetch(store.directory, what);
  } catch (error) {
    if (!existed || !(error instanceof Failure) || error.code !== 'SOURCE_FAILED') throw error;
    await store.discard();
    await store.create();
    return await remote.fetch(store.directory, what);
  }
}

async function commitsAmong(
  store: Store,
  ids: readonly string[],
  { environment, memory, signal }: Pick<Parts, 'environment' | 'memory'> & { signal: AbortSignal },
): Promise<string[]> {
  const commits: string[] = [];
  const objects = openObjects({ directory: store.directory, environment, memory }, signal);
  try {
    await readWhole(
      objects,
      ids.map((id) => `info ${id}` as const),
      (header) => void (header?.type === 'commit' && commits.push(header.id)),
    );
  } finally {
    await objects.close();
  }
  return commits;
}

// Only what is surely the same place shares a mirror.
function identity({ url, origin }: RepositoryUrl): string {
  const place = origin === undefined ? url : origin + url.replace(/^[^:]+:\/\/[^/]*/, '');
  return place.replace(/(?<!\/)\/+$/, '');
}
