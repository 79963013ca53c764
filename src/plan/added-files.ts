import type { ProjectSpec } from '../model/project.js';
import type { SourceRevision } from '../model/source.js';
import type { Tree } from '../model/tree.js';
import { renderRevfile } from './build-yml/revfile.js';
import { overlayTree } from './overlay.js';

/** A small text file that a build writes into the context. */
export type AddedFile = { path: string; text: string };

/** `VERSION`, which function61/buildbot wrote, and `rev.txt`, which roger wrote where it was asked to. */
export function addedFiles({ revfile }: ProjectSpec, revision: SourceRevision, version: string): AddedFile[] {
  const rev =
    revfile === undefined
      ? []
      : [
          {
            path: inDirectory(revfile, 'rev.txt'),
            text: renderRevfile(revision, revision.ref ?? revision.id),
          },
        ];
  return [{ path: 'VERSION', text: version }, ...rev];
}

/** `tree` with the files in it, as old as the commit. */
export function withAddedFiles(
  tree: Tree,
  files: readonly AddedFile[],
  { committedAt }: SourceRevision,
): Tree {
  const mtime = Math.floor(committedAt.getTime() / 1000);
  return overlayTree(
    tree,
    files.map(({ path, text }) => ({ path, mode: 0o644, content: Buffer.from(text), mtime })),
  );
}

function inDirectory(directory: string, name: string): string {
  return directory === '' || directory === '.' ? name : `${directory}/${name}`;
}
