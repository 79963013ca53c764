import {
  ancestors,
  comparePaths,
  type DirectoryEntry,
  type FileContent,
  type FileEntry,
  type SymlinkEntry,
  type Tree,
  type TreeEntry,
} from '../model/tree.js';
import { createFifo, type Fifo } from './fifo.js';

/** A file that exists in memory alone. `mode`: permission bits, `mtime`: seconds since the epoch. */
export type TreeFile = { path: string; mode: number; content: Uint8Array; mtime: number };

/**
 * `tree` with `files` added or put in place of what has their path. What stands in the way gives way: a file
 * where a directory is needed, a directory with all that it holds where a file comes.
 */
export function overlayTree(tree: Tree, files: readonly TreeFile[]): Tree {
  const contents = new Map(files.map((file) => [file.path, file.content]));
  let merged: Promise<readonly TreeEntry[]> | undefined;
  return {
    entries: () => (merged ??= merge(tree, files)),
    read: (asked) => readBoth(tree, contents, asked),
  };
}

/** A tree of `files` and, where given, of links and empty directories. */
export function memoryTree(
  files: readonly TreeFile[],
  others: readonly (SymlinkEntry | DirectoryEntry)[] = [],
): Tree {
  const sorted = [...new Map(others.flatMap(withParents).map((entry) => [entry.path, entry])).values()];
  sorted.sort((a, b) => comparePaths(a.path, b.path));
  return overlayTree({ entries: async () => sorted, read: readNothing }, files);
}

// Takes what is asked for, as a reader does, and has none of it.
async function* readNothing(
  files: Iterable<FileEntry> | AsyncIterable<FileEntry>,
): AsyncGenerator<FileContent> {
  const asked = Symbol.asyncIterator in files ? files[Symbol.asyncIterator]() : files[Symbol.iterator]();
  while ((await asked.next()).done !== true);
}

async function merge(tree: Tree, files: readonly TreeFile[]): Promise<readonly TreeEntry[]> {
  const entries = new Map((await tree.entries()).map((entry) => [entry.path, entry]));
  const replaced = new Set(
    files.filter(({ path }) => entries.get(path)?.type === 'directory').map(({ path }) => path),
  );
  for (const path of replaced.size > 0 ? [...entries.keys()] : []) {
    if (ancestors(path).some((directory) => replaced.has(directory))) entries.delete(path);
  }
  for (const file of files) {
    for (const entry of withParents(await fileEntry(file))) {
      const present = entries.get(entry.path);
      if (entry.type !== 'directory' || present?.type !== 'directory') entries.set(entry.path, entry);
    }
  }
  return [...entries.values()].sort((a, b) => comparePaths(a.path, b.path));
}

async function fileEntry({ path, mode, content, mtime }: TreeFile): Promise<FileEntry> {
  const digest = await crypto.subtle.digest('SHA-256', content);
  const id = `sha256:${Buffer.from(digest).toString('hex')}`;
  return { type: 'file', path, mode, size: content.byteLength, id, mtime };
}

function withParents<T extends TreeEntry>(entry: T): (T | DirectoryEntry)[] {
  const parents = ancestors(entry.path).map((path): DirectoryEntry => ({
    type: 'directory',
    path,
    mode: 0o755,
    mtime: entry.mtime,
  }));
  return [...parents, entry];
}

// The base is read in one go. What lies in memory is handed out when its turn comes, also while the base
// waits to be asked for more: an engine asks for further files only when it has got those before.
async function* readBoth(
  base: Tree,
  contents: ReadonlyMap<string, Uint8Array>,
  files: Iterable<FileEntry> | AsyncIterable<FileEntry>,
): AsyncGenerator<FileContent> {
  const waiting = createFifo<FileEntry>();
  let arrived: () => void = () => undefined;
  async function* ofBase(): AsyncGenerator<FileEntry> {
    for await (const file of files) {
      waiting.push(file);
      if (contents.has(file.path)) arrived();
      else yield file;
    }
  }
  const answers = base.read(ofBase())[Symbol.asyncIterator]();
  const ask = (): Promise<IteratorResult<FileContent>> => {
    const answer = answers.next();
    // It may fail while the engine holds back what lies in memory, when nobody waits for it yet.
    answer.catch(() => undefined);
    return answer;
  };
  try {
    for (let answer = ask(); ;) {
      const arrival = new Promise<void>((resolve) => (arrived = resolve));
      yield* headsInMemory(waiting, contents);
      const settled = await Promise.race([answer, arrival]);
      if (settled === undefined) continue;
      yield* headsInMemory(waiting, contents);
      if (settled.done === true) return;
      yield { entry: waiting.shift()!, chunks: settled.value.chunks };
      answer = ask();
    }
  } finally {
    answers.return?.(undefined).catch(() => undefined);
  }
}

function* headsInMemory(
  waiting: Fifo<FileEntry>,
  contents: ReadonlyMap<string, Uint8Array>,
): Generator<FileContent> {
  for (;;) {
    const first = waiting.first();
    const content = first && contents.get(first.path);
    if (content === undefined) return;
    yield { entry: waiting.shift()!, chunks: oneChunk(content) };
  }
}

async function* oneChunk(content: Uint8Array): AsyncGenerator<Uint8Array> {
  if (content.byteLength > 0) yield content;
}
