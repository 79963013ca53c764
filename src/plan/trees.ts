import { Failure } from '../model/errors.js';
import { findEntry, type FileContent, type FileEntry, type Tree, type TreeEntry } from '../model/tree.js';
import type { Ignore } from './dockerignore.js';
import { createFifo } from './fifo.js';

export { memoryTree, overlayTree, type TreeFile } from './overlay.js';

/** The entries for which `keep` says yes, and the directories that hold one of them. */
export function filterTree(tree: Tree, keep: (path: string, entry: TreeEntry) => boolean): Tree {
  return {
    entries: once(async () => filterEntries(await tree.entries(), keep)),
    read: (files) => tree.read(files),
  };
}

/** What the engine gets to see of a context. */
export function ignoreFiles(tree: Tree, ignore: Ignore): Tree {
  return filterTree(tree, (path) => !ignore(path));
}

/** Characters of paths after which other builds get their turn: a million paths against a thousand patterns take minutes. */
const TURN = 1024;

async function filterEntries(
  entries: readonly TreeEntry[],
  keep: (path: string, entry: TreeEntry) => boolean,
): Promise<TreeEntry[]> {
  const wanted = await ask(entries, keep);
  const kept: TreeEntry[] = [];
  const needed = new Set<string>();
  // From the end, since a directory comes before what it holds and may be kept for its sake alone.
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i]!;
    if (!needed.has(entry.path) && wanted[i] === 0) continue;
    kept.push(entry);
    const parent = parentOf(entry.path);
    if (parent !== '') needed.add(parent);
  }
  return kept.reverse();
}

/** From the start: of a path that lies deep, patterns are asked about each directory above it, and then they have been. */
async function ask(
  entries: readonly TreeEntry[],
  keep: (path: string, entry: TreeEntry) => boolean,
): Promise<Uint8Array> {
  const wanted = new Uint8Array(entries.length);
  let asked = 0;
  for (const [index, entry] of entries.entries()) {
    asked += entry.path.length;
    if (asked >= TURN) {
      await new Promise((resolve) => setImmediate(resolve));
      asked = 0;
    }
    if (keep(entry.path, entry)) wanted[index] = 1;
  }
  return wanted;
}

/**
 * The tree below `directory`, whose paths start there. Symbolic links are not followed. Rejects with
 * CONTEXT_NOT_FOUND when there is no such directory.
 */
export async function subtree(tree: Tree, directory: string): Promise<Tree> {
  const path = normalizePath(directory);
  if (path === '') return tree;
  checkDirectory(await tree.entries(), directory, path);
  const prefix = `${path}/`;
  const entries = once(async () =>
    (await tree.entries())
      .filter((entry) => entry.path.startsWith(prefix))
      .map((entry) => ({ ...entry, path: entry.path.slice(prefix.length) })),
  );
  return { entries, read: (files) => readBelow(tree, prefix, files) };
}

function checkDirectory(entries: readonly TreeEntry[], shown: string, path: string | undefined): void {
  const found = path === undefined ? undefined : findEntry(entries, path);
  if (found?.type === 'directory') return;
  const what = {
    file: 'a file, not a directory',
    symlink: 'a symbolic link, which is not followed',
    absent: 'not in the source',
  }[found?.type ?? 'absent'];
  throw new Failure('CONTEXT_NOT_FOUND', `the directory '${shown}' is ${what}`);
}

async function* readBelow(
  tree: Tree,
  prefix: string,
  files: Iterable<FileEntry> | AsyncIterable<FileEntry>,
): AsyncGenerator<FileContent> {
  const asked = createFifo<FileEntry>();
  async function* moved(): AsyncGenerator<FileEntry> {
    for await (const file of files) {
      asked.push(file);
      yield { ...file, path: prefix + file.path };
    }
  }
  for await (const { chunks } of tree.read(moved())) yield { entry: asked.shift()!, chunks };
}

/**
 * The text at `path` (UTF-8), or undefined when nothing is there. A symbolic link is followed as long as it
 * stays in the tree. Rejects with TREE_INVALID when it has more than `maxBytes`, or is there and no file.
 */
export async function readText(tree: Tree, path: string, maxBytes: number): Promise<string | undefined> {
  const file = await findFile(tree, path);
  if (file === undefined) return undefined;
  if ('trouble' in file) {
    const hint = 'make it a file, or a link to one, in the directory that is built';
    throw new Failure('TREE_INVALID', `'${path}' ${file.trouble}`, { hint });
  }
  if (file.size > maxBytes) {
    throw new Failure(
      'TREE_INVALID',
      `'${path}' has ${file.size} bytes, of which at most ${maxBytes} are read`,
    );
  }
  const decoder = new TextDecoder();
  let text = '';
  for await (const { chunks } of tree.read([file])) {
    for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** As many links as Linux follows, path_resolution(7). */
const MAX_LINKS = 40;

/** The file at `path`, symbolic links followed; `trouble`, which follows its name, where something else is there. */
export async function findFile(
  tree: Tree,
  path: string,
): Promise<FileEntry | { trouble: string } | undefined> {
  const entries = await tree.entries();
  let at = normalizePath(path);
  let via = '';
  for (let links = 0; links < MAX_LINKS; links++) {
    if (at === undefined)
      return via === '' ? undefined : { trouble: `${via}, which leads out of what is built` };
    const entry = findEntry(entries, at);
    if (entry?.type === 'file') return entry;
    if (entry === undefined && at !== '')
      return via === '' ? undefined : { trouble: `${via}, which is not there` };
    if (entry?.type !== 'symlink')
      return { trouble: via === '' ? 'is a directory, not a file' : `${via}, which is a directory` };
    via ||= `is a symbolic link to '${entry.target}'`;
    at = entry.target.startsWith('/') ? undefined : normalizePath(`${parentOf(at)}/${entry.target}`);
  }
  return { trouble: `${via}, which leads to itself` };
}

/** Without `.`, `..`, doubled and outer slashes; undefined when it leads out of the tree. */
function normalizePath(path: string): string | undefined {
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') kept.push(part);
    else if (kept.pop() === undefined) return undefined;
  }
  return kept.join('/');
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

function once<T>(compute: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= compute());
}
