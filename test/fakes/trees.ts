import { createHash } from 'node:crypto';
import { comparePaths, type FileEntry, type Tree, type TreeEntry } from '../../src/model/tree.js';

export type MemoryFile = string | Buffer | { content: string | Buffer; mode?: number; mtime?: number };
export type MemoryTree = Tree & {
  /** Paths in the order in which they were read. */
  readonly reads: string[];
};

const MTIME = 1_700_000_000;
const CHUNK = 64 * 1024;

/** A tree in memory: `{ 'src/a.txt': 'text', 'link': { symlink: 'src/a.txt' } }`. Directories come of themselves. */
export function memoryTree(files: Record<string, MemoryFile | { symlink: string }>): MemoryTree {
  const contents = new Map<FileEntry, Buffer>();
  const entries = new Map<string, TreeEntry>();
  for (const [path, file] of Object.entries(files)) {
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
      const directory = path.slice(0, at);
      entries.set(directory, { type: 'directory', path: directory, mode: 0o755, mtime: MTIME });
    }
    if (typeof file === 'object' && 'symlink' in file) {
      entries.set(path, { type: 'symlink', path, target: file.symlink, mtime: MTIME });
      continue;
    }
    const {
      content,
      mode = 0o644,
      mtime = MTIME,
    } = typeof file === 'string' || Buffer.isBuffer(file) ? { content: file } : file;
    const bytes = Buffer.from(content as Buffer);
    const id = createHash('sha256').update(bytes).digest('hex');
    const entry: FileEntry = { type: 'file', path, mode, size: bytes.length, id, mtime };
    entries.set(path, entry);
    contents.set(entry, bytes);
  }
  const sorted = [...entries.values()].sort((a, b) => comparePaths(a.path, b.path));
  const reads: string[] = [];
  return {
    reads,
    entries: () => Promise.resolve(sorted),
    async *read(wanted) {
      for await (const entry of wanted) {
        reads.push(entry.path);
        yield { entry, chunks: chunksOf(contents.get(entry)!) };
      }
    },
  };
}

async function* chunksOf(content: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += CHUNK) yield content.subarray(at, at + CHUNK);
}

/** A tree whose reading fails. */
export function brokenTree(files: Record<string, MemoryFile>, error: Error): Tree {
  return {
    ...memoryTree(files),
    async *read(wanted) {
      for await (const entry of wanted) yield { entry, chunks: failing(error) };
    },
  };
}

async function* failing(error: Error): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(0);
  throw error;
}
