import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Failure } from '../../model/errors.js';
import type { RepositoryUrl } from '../../model/repository.js';
import { createHolds, type HeldCommit, type Holds } from './holds.js';
import { openLargeObjects, type LargeObjects } from './lfs/store.js';
import { createObjectMemory, type ObjectMemory } from './object-memory.js';
import { openObjects, readWhole } from './objects.js';
import type { Remote } from './remote.js';
import { createSerial } from '../vcs/serial.js';
import { KEPT, openStore, type Store } from './store.js';

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
  /** Of Git LFS. For callers whom the forge has accepted. */
  largeObjects: LargeObjects;
  /** Runs what changes `largeObjects`, one after another. */
  aloneWithLargeObjects: <T>(signal: AbortSignal, task: () => Promise<T>) => Promise<T>;
}

export interface Mirrors {
  of(repository: RepositoryUrl): Mirror;
}

/** Mirrors lie in `root`, one directory for each URL. */
export function createMirrors(root: string, environment: NodeJS.ProcessEnv): Mirrors {
  const serial = createSerial();
  const holds = createHolds();
  const memory = createObjectMemory();
  return {
    of(repository) {
      const name = createHash('sha256').update(identity(repository)).digest('hex');
      const open = (kind: StoreKind, sha256: boolean): Store =>
        openStore(join(root, name, `${kind}${sha256 ? '-sha256' : ''}.git`), { environment, sha256 });
      return createMirror({
        repository,
        open,
        holds,
        environment,
        memory,
        alone: (signal, task) => serial(name, signal, task),
        large: {
          largeObjects: openLargeObjects(join(root, name, 'lfs')),
          aloneWithLargeObjects: (signal, task) => serial(`${name} lfs`, signal, task),
        },
      });
    },
  };
}

/**
 * `tips` holds single revisions, without their history; `complete` everything, for servers that give nothing
 * but tips; `history` commits alone, to find abbreviated ids. In one repository these would mix: git takes
 * what it has for what it would have fetched.
 */
type StoreKind = 'tips' | 'complete' | 'history';

type Parts = {
  repository: RepositoryUrl;
  open: (kind: StoreKind, sha256: boolean) => Store;
  holds: Holds;
  environment: NodeJS.ProcessEnv;
  memory: ObjectMemory;
  alone: <T>(signal: AbortSignal, task: () => Promise<T>) => Promise<T>;
  large: Pick<Mirror, 'largeObjects' | 'aloneWithLargeObjects'>;
};

function createMirror(parts: Parts): Mirror {
  const { open, holds, memory, alone, large } = parts;
  const mirror: Mirror = {
    ...large,
    memory,
    async obtain(commit, remote, signal) {
      const stores = [open('tips', commit.length === 64), open('complete', commit.length === 64)];
      return await holds.hold(stores, commit, async () => {
        const present = await findKept(stores, commit);
        if (present !== undefined && !remote.isProven()) await remote.advertise();
        return present ?? (await alone(signal, () => fetchCommit(parts, commit, remote)));
      });
    },
    async repair(held, remote, signal) {
      await alone(signal, () => holds.discard(held));
      held.release();
      return await mirror.obtain(held.commit, remote, signal);
    },
    async findCommits(prefix, remote, { sha256, signal }) {
      const store = open('history', sha256);
      await alone(signal, () => fetchInto(store, remote, HISTORY));
      return await commitsAmong(store, await store.idsWith(prefix), { ...parts, signal });
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
  const { repository, open, holds, alone } = parts;
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
  void alone(NEVER, () => tips.tidy((other) => holds.isHeld(tips, other))).catch(() => undefined);
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
