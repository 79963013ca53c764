import type { FileContent, FileEntry, Tree, TreeEntry } from '../../../model/tree.js';
import { createWindow, type Window } from '../window.js';

type Files = Iterable<FileEntry> | AsyncIterable<FileEntry>;

/** Files that are asked for ahead of the one that is read. */
const AHEAD = 256;
/** Trees that are read at a time: each is a git process. */
const MOST_LANES = 8;

/**
 * `base` with other trees in some of its empty directories. Reading asks each tree in one go for what belongs to
 * it, and gives every file before the next one has to be asked for.
 */
export function mountTrees(base: Tree, mounts: ReadonlyMap<string, Tree>): Tree {
  let merged: Promise<readonly TreeEntry[]> | undefined;
  return {
    entries: () => (merged ??= merge(base, mounts)),
    read: (files) => readAll({ base, mounts }, files),
  };
}

// An empty directory has nothing below it, so that what is mounted there belongs right behind it.
async function merge(base: Tree, mounts: ReadonlyMap<string, Tree>): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  for (const entry of await base.entries()) {
    entries.push(entry);
    const below = await mounts.get(entry.path)?.entries();
    for (const inner of below ?? []) entries.push({ ...inner, path: `${entry.path}/${inner.path}` });
  }
  return entries;
}

type Mounted = { base: Tree; mounts: ReadonlyMap<string, Tree> };

/** One tree that is being read: what it is asked for, what it answers, and how many answers are due. */
type Lane = { files: Window<FileEntry>; answers: AsyncIterator<FileContent>; due: number };

async function* readAll(trees: Mounted, files: Files): AsyncGenerator<FileContent> {
  const lanes = new Map<Tree, Lane>();
  const order = createWindow<{ entry: FileEntry; lane: Lane }>(AHEAD);
  void distribute(trees, files, { lanes, order });
  try {
    for (let next; (next = await order.shift()) !== undefined; next.lane.due--) {
      const answer = await next.lane.answers.next();
      if (answer.done === true) throw new Error(`nobody answers for ${next.entry.path}`);
      yield { entry: next.entry, chunks: answer.value.chunks };
    }
  } finally {
    order.close();
    for (const lane of lanes.values()) endLane(lane);
  }
}

type Distribution = { lanes: Map<Tree, Lane>; order: Window<{ entry: FileEntry; lane: Lane }> };

// Never rejects: what the source of files throws comes out of the window.
async function distribute(trees: Mounted, files: Files, { lanes, order }: Distribution): Promise<void> {
  try {
    for await (const entry of files) {
      const { tree, path } = placeOf(entry, trees);
      const lane = laneOf(tree, lanes);
      lane.due++;
      void lane.files.push(path === entry.path ? entry : { ...entry, path });
      if (!(await order.push({ entry, lane }))) return;
    }
    order.end();
    for (const lane of lanes.values()) lane.files.end();
  } catch (error) {
    order.end(error);
  }
}

function placeOf({ path }: FileEntry, { base, mounts }: Mounted): { tree: Tree; path: string } {
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const tree = mounts.get(path.slice(0, at));
    if (tree !== undefined) return { tree, path: path.slice(at + 1) };
  }
  return { tree: base, path };
}

function laneOf(tree: Tree, lanes: Map<Tree, Lane>): Lane {
  const present = lanes.get(tree);
  if (present !== undefined) return present;
  for (const [other, lane] of lanes) {
    if (lanes.size < MOST_LANES) break;
    if (lane.due > 0) continue;
    endLane(lane);
    lanes.delete(other);
  }
  const files = createWindow<FileEntry>(Infinity);
  const answers = tree.read(drain(files))[Symbol.asyncIterator]();
  const lane = { files, answers, due: 0 };
  lanes.set(tree, lane);
  return lane;
}

async function* drain(files: Window<FileEntry>): AsyncGenerator<FileEntry> {
  for (let file; (file = await files.shift()) !== undefined;) yield file;
}

// Not awaited: one that waits for its next file answers only when it hears that there is none.
function endLane({ files, answers }: Lane): void {
  files.end();
  void answers.return?.().then(undefined, () => undefined);
}
