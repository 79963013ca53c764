import type { ProjectSpec } from '../model/project.js';
import type { SourceRevision } from '../model/source.js';
import { Failure } from '../model/errors.js';
import { ancestors, findEntry, type Tree } from '../model/tree.js';
import { renderRevfile } from './build-yml/revfile.js';
import { overlayTree } from './overlay.js';

/** A small text file that a build writes into the context. */
export type AddedFile = { path: string; text: string };

export const VERSION = 'VERSION';

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
  return [{ path: VERSION, text: version }, ...rev];
}

/** `tree` with the files in it, as old as the commit; a directory that stands in the place of one stays. */
export async function withAddedFiles(
  tree: Tree,
  files: readonly AddedFile[],
  { committedAt }: SourceRevision,
): Promise<Tree> {
  const mtime = Math.floor(committedAt.getTime() / 1000);
  const entries = await tree.entries();
  const added = files.filter(({ path }) => findEntry(entries, path)?.type !== 'directory');
  return overlayTree(
    tree,
    added.map(({ path, text }) => ({ path, mode: 0o644, content: Buffer.from(text), mtime })),
  );
}

/** Throws where rev.txt cannot be written without taking the place of something else. */
export async function checkRevfile(context: Tree, { name, revfile, places }: ProjectSpec): Promise<void> {
  if (revfile === undefined) return;
  const path = inDirectory(revfile, 'rev.txt');
  const entries = await context.entries();
  const refuse = (why: string) =>
    new Failure('BUILD_YML_INVALID', `${places?.get('revfile') ?? `${name}.revfile`}: ${why}`, {
      hint: 'name a directory, which is made where it is missing',
    });
  for (const directory of ancestors(path)) {
    const type = findEntry(entries, directory)?.type;
    if (type === 'file') throw refuse(`'${directory}' is a file, not a directory`);
    if (type === 'symlink') throw refuse(`'${directory}' is a symbolic link, which is not followed`);
  }
  if (findEntry(entries, path)?.type === 'directory') throw refuse(`'${path}' is a directory, not a file`);
}

function inDirectory(directory: string, name: string): string {
  return directory === '' || directory === '.' ? name : `${directory}/${name}`;
}
