/**
 * A source is a tree: it lists its entries and opens them. git, hg, a tar and a container's path are all trees, and what
 * adds or hides files (.dockerignore, VERSION) is a tree over a tree.
 */
export type FileEntry = {
  type: 'file';
  path: string;
  /** Permission bits alone, e.g. 0o644. */
  mode: number;
  /** Bytes. */
  size: number;
  /** Names the content: equal ids are equal bytes, within one tree's kind (git: the blob's object id). */
  id: string;
  /** Whole seconds since the epoch. */
  mtime: number;
};
export type SymlinkEntry = { type: 'symlink'; path: string; target: string; mtime: number };
export type DirectoryEntry = { type: 'directory'; path: string; mode: number; mtime: number };
export type TreeEntry = FileEntry | SymlinkEntry | DirectoryEntry;

/** One file's bytes. `chunks` must be consumed (or returned) before the next FileContent is asked for. */
export type FileContent = { entry: FileEntry; chunks: AsyncIterable<Uint8Array> };

export interface Tree {
  /**
   * Every entry below the root, the root itself left out. Paths are relative, `/`-separated, without `.` or `..`.
   * Sorted by `comparePaths`: a directory comes before what it holds, and what it holds before its next sibling.
   * Every directory that holds something is listed. The array is the tree's own: do not change it.
   */
  entries(): Promise<readonly TreeEntry[]>;
  /** The contents of `files`, entries of this tree, in the order in which they are asked for. Cheapest in large batches. */
  read(files: Iterable<FileEntry> | AsyncIterable<FileEntry>): AsyncIterable<FileContent>;
}

/** Order of a depth-first walk: compares component by component, by UTF-8 bytes (what Go's filepath.Walk does). */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (x === 0x2f) return -1;
    if (y === 0x2f) return 1;
    return compareUnits(x, y);
  }
  return a.length - b.length;
}

// UTF-16 order differs from UTF-8 order only for surrogates, which sort above all other units in UTF-8.
function compareUnits(x: number, y: number): number {
  const surrogateX = x >= 0xd800 && x <= 0xdfff;
  const surrogateY = y >= 0xd800 && y <= 0xdfff;
  if (surrogateX === surrogateY) return x - y;
  return surrogateX ? 1 : -1;
}

/** The entry at `path`, by binary search. */
export function findEntry(entries: readonly TreeEntry[], path: string): TreeEntry | undefined {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePaths(entries[middle]!.path, path) < 0) low = middle + 1;
    else high = middle;
  }
  const found = entries[low];
  return found?.path === path ? found : undefined;
}

/** The directories above a path, the outermost first: `a/b/c` → `a`, `a/b`. */
export function ancestors(path: string): string[] {
  const found: string[] = [];
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) found.push(path.slice(0, at));
  return found;
}
