import type { FileContent, FileEntry, Tree, TreeEntry } from '../model/tree.js';
import { createFifo } from './fifo.js';

/** `tree` with everything in it as old as the commit: what a builder makes is new each time, and would never be the same image twice. */
export function withCommitTime(tree: Tree, committedAt: Date): Tree {
  const mtime = Math.floor(committedAt.getTime() / 1000);
  const originals = new Map<FileEntry, FileEntry>();
  let entries: Promise<readonly TreeEntry[]> | undefined;
  const settle = (entry: TreeEntry): TreeEntry => {
    const settled = { ...entry, mtime };
    if (entry.type === 'file') originals.set(settled as FileEntry, entry);
    return settled;
  };
  return {
    entries: () => (entries ??= tree.entries().then((list) => list.map(settle))),
    read: (files) => readOriginals(tree, originals, files),
  };
}

async function* readOriginals(
  tree: Tree,
  originals: ReadonlyMap<FileEntry, FileEntry>,
  files: Iterable<FileEntry> | AsyncIterable<FileEntry>,
): AsyncGenerator<FileContent> {
  const asked = createFifo<FileEntry>();
  async function* mapped(): AsyncGenerator<FileEntry> {
    for await (const file of files) {
      asked.push(file);
      yield originals.get(file)!;
    }
  }
  for await (const { chunks } of tree.read(mapped())) yield { entry: asked.shift()!, chunks };
}
