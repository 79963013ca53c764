import { createHash } from 'node:crypto';
import { ancestors, type FileEntry, type Tree, type TreeEntry } from '../../model/tree.js';

/** A tree of one file made of text, the directories above it included. */
export function textTree(path: string, text: string): Tree {
  const content = Buffer.from(text);
  const file = textEntry(path, content);
  const directories = ancestors(path).map((directory): TreeEntry => ({
    type: 'directory',
    path: directory,
    mode: 0o755,
    mtime: 0,
  }));
  return {
    entries: () => Promise.resolve([...directories, file]),
    async *read(files) {
      for await (const entry of files) yield { entry, chunks: once(content) };
    },
  };
}

export function textEntry(path: string, content: Buffer): FileEntry {
  const id = createHash('sha256').update(content).digest('hex');
  return { type: 'file', path, mode: 0o644, size: content.length, id, mtime: 0 };
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
