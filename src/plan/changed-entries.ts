import type { FileContent, FileEntry, Tree, TreeEntry } from '../model/tree.js';
import { createFifo } from './fifo.js';

/** `tree` with other modes or times: `change` gives each entry anew, under its own path and with its own content. */
export function changeEntries(tree: Tree, change: (entry: TreeEntry) => TreeEntry): Tree {
  const originals = new Map<FileEntry, FileEntry>();
  let entries: Promise<readonly TreeEntry[]> | undefined;
  const changed = (entry: TreeEntry): TreeEntry => {
    const other = change(entry);
    if (entry.type === 'file') originals.set(other as FileEntry, entry);
    return other;
  };
  return {
    entries: () => (entries ??= tree.entries().then((list) => list.map(changed))),
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
