import { Failure } from '../../model/errors.js';
import type { TreeEntry } from '../../model/tree.js';
import type { Commit } from './commit.js';
import { DamagedMirror, readWhole, type Objects } from './objects.js';
import { parseTree, type TreeItem } from './tree-object.js';

/** A small repository can describe an endless tree, by naming one directory again and again. */
export const MAX_ENTRIES = 1_000_000;
/** PATH_MAX of Linux: for a path, and for a link's target. */
const MAX_PATH = 4096;

type Directories = ReadonlyMap<string, readonly TreeItem[]>;
type Blobs = { sizes: ReadonlyMap<string, number>; targets: ReadonlyMap<string, string> };

/** A commit of another repository, and the directory where a checkout puts it. */
export type Gitlink = { path: string; id: string };

/**
 * Everything that a checkout of `commit` would write, as `Tree.entries` wants it. A gitlink is an empty
 * directory. Rejects with TREE_INVALID, or DamagedMirror.
 */
export async function listCommit(
  objects: Objects,
  commit: Commit,
): Promise<{ entries: TreeEntry[]; gitlinks: Gitlink[] }> {
  const directories = await readDirectories(objects, commit.tree);
  const blobs = await readBlobs(objects, directories);
  const entries: TreeEntry[] = [];
  const gitlinks: Gitlink[] = [];
  const list = (tree: string, prefix: string): void => {
    for (const item of directories.get(tree)!) {
      entries.push(entryOf(item, { path: prefix + item.name, mtime: commit.time }, blobs));
      if (entries.length > MAX_ENTRIES) throw tooMany();
      if (prefix.length + item.name.length > MAX_PATH)
        throw invalid(`it holds a path of more than ${MAX_PATH} bytes`);
      if (item.kind === 'submodule') gitlinks.push({ path: prefix + item.name, id: item.id });
      if (item.kind === 'directory') list(item.id, `${prefix}${item.name}/`);
    }
  };
  list(commit.tree, '');
  return { entries, gitlinks };
}

function entryOf(
  { kind, id }: TreeItem,
  place: { path: string; mtime: number },
  { sizes, targets }: Blobs,
): TreeEntry {
  if (kind === 'directory' || kind === 'submodule') return { type: 'directory', mode: 0o755, ...place };
  if (kind === 'symlink') return { type: 'symlink', target: targets.get(id)!, ...place };
  return { type: 'file', mode: kind === 'executable' ? 0o755 : 0o644, size: sizes.get(id)!, id, ...place };
}

// Level by level, each tree object once, so that the depth alone counts, not the number of directories.
async function readDirectories(objects: Objects, root: string): Promise<Directories> {
  const read = new Map<string, readonly TreeItem[]>();
  let count = 0;
  let level = new Map([[root, '']]);
  while (level.size > 0) {
    const ids = [...level.keys()];
    const below = new Map<string, string>();
    await readWhole(
      objects,
      ids.map((id) => `contents ${id}` as const),
      (header, body, index) => {
        const id = ids[index]!;
        if (header?.type !== 'tree') throw new DamagedMirror(`there is no tree ${id}`);
        const place = level.get(id)!;
        const items = parseTree(body, place, id.length / 2);
        read.set(id, items);
        // Before all of them are in memory.
        if ((count += items.length) > MAX_ENTRIES) throw tooMany();
        for (const item of items) {
          if (item.kind === 'directory')
            below.set(item.id, place === '' ? item.name : `${place}/${item.name}`);
        }
      },
    );
    level = new Map([...below].filter(([id]) => !read.has(id)));
  }
  return read;
}

async function readBlobs(objects: Objects, directories: Directories): Promise<Blobs> {
  const files = new Set<string>();
  const links = new Set<string>();
  for (const { kind, id } of [...directories.values()].flat()) {
    if (kind === 'file' || kind === 'executable') files.add(id);
    else if (kind === 'symlink') links.add(id);
  }
  const sizes = await readSizes(objects, [...files, ...links]);
  for (const id of links)
    if (sizes.get(id)! >= MAX_PATH) throw invalid(`it holds a link to ${sizes.get(id)} bytes`);
  return { sizes, targets: await readTargets(objects, [...links]) };
}

async function readSizes(objects: Objects, ids: readonly string[]): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  await readWhole(
    objects,
    ids.map((id) => `info ${id}` as const),
    (header, _, index) => {
      if (header?.type !== 'blob') throw new DamagedMirror(`there is no blob ${ids[index]}`);
      sizes.set(header.id, header.size);
    },
  );
  return sizes;
}

async function readTargets(objects: Objects, ids: readonly string[]): Promise<Map<string, string>> {
  const targets = new Map<string, string>();
  await readWhole(
    objects,
    ids.map((id) => `contents ${id}` as const),
    (header, body) => {
      const target = body.toString();
      if (!Buffer.from(target).equals(body) || body.includes(0))
        throw invalid('it holds a link to a path that is not UTF-8');
      if (header !== undefined) targets.set(header.id, target);
    },
  );
  return targets;
}

function tooMany(): Failure {
  return invalid(`it holds more than ${MAX_ENTRIES} files and directories`);
}

function invalid(why: string): Failure {
  return new Failure('TREE_INVALID', `the source cannot be used: ${why}`);
}
