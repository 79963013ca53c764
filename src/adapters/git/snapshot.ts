import type { SourceRevision } from '../../model/source.js';
import type { Tree, TreeEntry } from '../../model/tree.js';
import { readCommit, type Commit } from './commit.js';
import { readContents } from './contents.js';
import { convertFiles, type Converted } from './conversion.js';
import type { HeldCommit } from './holds.js';
import { listCommit } from './listing.js';
import type { Mirror } from './mirror.js';
import { damagedAgain, DamagedMirror, openObjects, type Objects } from './objects.js';
import type { Remote } from './remote.js';

export type SnapshotParts = {
  mirror: Mirror;
  remote: Remote;
  /** A private directory of the build. */
  scratch: string;
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
};

/** One commit's tree, read from the mirror. */
export type Snapshot = {
  revision: SourceRevision;
  tree: Tree;
  /** Ends what still reads and gives the commit back to the mirror. */
  close: () => Promise<void>;
};

type Listed = { commit: Commit; entries: readonly TreeEntry[]; converted: Converted };

/**
 * Takes over `held`. A mirror that turns out to be damaged, now or while files are read, is made anew once.
 */
export async function openSnapshot(held: HeldCommit, parts: SnapshotParts): Promise<Snapshot> {
  const copy = createCopy(held, parts);
  try {
    const { commit, entries, converted } = await copy.use((objects, directory) =>
      list({ objects, directory, id: held.commit }, parts),
    );
    const { id, author, message, time } = commit;
    return {
      revision: { id, author, message, committedAt: new Date(time * 1000) },
      tree: {
        entries: async () => entries,
        read: (files) => readContents(files, { open: copy.open, converted, repair: copy.repair }),
      },
      close: copy.close,
    };
  } catch (error) {
    await copy.close();
    throw error;
  }
}

async function list(
  { objects, directory, id }: { objects: Objects; directory: string; id: string },
  { scratch, environment, signal }: SnapshotParts,
): Promise<Listed> {
  const commit = await readCommit(objects, id);
  const entries = await listCommit(objects, commit);
  const converted = await convertFiles(objects, entries, {
    directory,
    tree: commit.tree,
    scratch,
    environment,
    signal,
  });
  return { commit, entries, converted };
}

type Copy = {
  open: () => Objects;
  /** Repairs at most once at a time, however many readers ask for it. */
  repair: () => Promise<void>;
  use<T>(work: (objects: Objects, directory: string) => Promise<T>): Promise<T>;
  close: () => Promise<void>;
};

function createCopy(first: HeldCommit, { mirror, remote, environment, signal }: SnapshotParts): Copy {
  let held = first;
  let repairing: Promise<void> | undefined;
  const running = new Set<Objects>();
  const copy: Copy = {
    open() {
      const objects = openObjects(held.store.directory, environment, signal);
      const close = async (): Promise<void> => {
        await objects.close();
        running.delete(tracked);
      };
      const tracked = { ...objects, close };
      running.add(tracked);
      return tracked;
    },
    repair() {
      repairing ??= (async () => {
        signal.throwIfAborted();
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
      held.release();
    },
  };
  return copy;
}
