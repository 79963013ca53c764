import type { SourceRevision } from '../../model/source.js';
import type { Tree, TreeEntry } from '../../model/tree.js';
import { readCommit, type Commit } from './commit.js';
import { openIndex } from './attributes.js';
import { readContents, type OtherContents } from './contents.js';
import { convertFiles } from './conversion.js';
import { createCopy, type CopyParts } from './copy.js';
import type { HeldCommit } from './holds.js';
import type { LargeFileAccess } from './lfs/fetch.js';
import { resolveLargeFiles } from './lfs/files.js';
import { listCommit, type Gitlink } from './listing.js';
import type { Objects } from './objects.js';

export type SnapshotParts = CopyParts & {
  /** A private directory of the build. */
  scratch: string;
  /** Absent: files that are kept in LFS stay what they are in the repository. */
  large?: LargeFileAccess;
};

/** One commit's tree, read from the mirror. */
export type Snapshot = {
  revision: SourceRevision;
  tree: Tree;
  /** Where commits of other repositories belong; in `tree` each is an empty directory. */
  gitlinks: readonly Gitlink[];
  /** Ends what still reads and gives the commit back to the mirror. */
  close: () => Promise<void>;
};

type Listed = {
  commit: Commit;
  entries: readonly TreeEntry[];
  gitlinks: readonly Gitlink[];
  others: OtherContents;
};

/**
 * Takes over `held`. A mirror that turns out to be damaged, now or while files are read, is made anew once.
 */
export async function openSnapshot(held: HeldCommit, parts: SnapshotParts): Promise<Snapshot> {
  const copy = createCopy(held, parts);
  try {
    const { commit, entries, gitlinks, others } = await copy.use((objects, directory) =>
      list({ objects, directory, id: held.commit }, parts),
    );
    const { id, author, message, time } = commit;
    return {
      revision: { id, author, message, committedAt: new Date(time * 1000) },
      tree: {
        entries: async () => entries,
        read: (files) => readContents(files, { open: copy.open, others, repair: copy.repair }),
      },
      gitlinks,
      close: copy.close,
    };
  } catch (error) {
    await copy.close();
    throw error;
  }
}

async function list(
  { objects, directory, id }: { objects: Objects; directory: string; id: string },
  { scratch, environment, signal, large }: SnapshotParts,
): Promise<Listed> {
  const commit = await readCommit(objects, id);
  const { entries, gitlinks } = await listCommit(objects, commit);
  const { tree } = commit;
  const index = await openIndex(objects, entries, { directory, tree, scratch, environment, signal });
  if (index === undefined) return { commit, entries, gitlinks, others: new Map() };
  const { attributes } = index;
  const stored = large && (await resolveLargeFiles({ objects, directory, attributes }, entries, large));
  const done: OtherContents = stored ?? new Map();
  const converted = await convertFiles(index, entries, { done, scratch });
  return { commit, entries, gitlinks, others: new Map([...done, ...converted]) };
}
