import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tar from 'tar-stream';
import type { FileContent, FileEntry, Tree, TreeEntry } from '../../model/tree.js';

/** Files up to this size are written in one piece. */
const SMALL = 256 * 1024;
const BATCH = 64 * 1024;

/** Ids of a user and a group. */
export type Owner = { uid: number; gid: number };
const ROOT: Owner = { uid: 0, gid: 0 };

type Owned<T extends TreeEntry> = T & { owner?: Owner };

/** A tar stream of what `write` puts into it (PAX headers where a name needs them). */
export function packTar(write: (pack: tar.Pack) => Promise<void>): Readable {
  const pack = tar.pack();
  // Who reads the tar hears of errors; without a listener they would end the process as well.
  pack.on('error', () => undefined);
  const writing = write(pack).then(() => pack.finalize());
  writing.catch((error: Error) => pack.destroy(error));
  return Readable.from(batches(pack, writing), { objectMode: false });
}

/** Headers and small files come in pieces of 512 bytes and up: too many writes for a request's body. */
async function* batches(pack: tar.Pack, writing: Promise<void>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of pack as unknown as AsyncIterable<Buffer>) {
      waiting.push(piece);
      size += piece.length;
      if (size < BATCH) continue;
      yield Buffer.concat(waiting, size);
      waiting = [];
      size = 0;
    }
  } catch (error) {
    // Why the writing failed says more than that the tar was destroyed.
    await writing;
    throw error;
  }
  yield Buffer.concat(waiting, size);
}

/** Writes `entries` of `tree`, each under `prefix` and its path, owned by `owner`, else by root. */
export async function writeEntries(
  pack: tar.Pack,
  tree: Tree,
  { entries, prefix = '', owner = ROOT }: { entries: readonly TreeEntry[]; prefix?: string; owner?: Owner },
): Promise<void> {
  const contents = tree.read(entries.filter((entry) => entry.type === 'file'))[Symbol.asyncIterator]();
  try {
    for (const entry of entries) {
      const named = { ...entry, path: prefix + entry.path, owner };
      if (named.type !== 'file') await writeEntry(pack, named);
      else await writeFile(pack, named, await chunksOf(contents, entry));
    }
  } finally {
    // Not awaited: one that waits for its source answers only once that has ended.
    contents.return?.().then(undefined, () => undefined);
  }
}

export function writeEntry(pack: tar.Pack, entry: Owned<TreeEntry>, content?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve());
    if (content === undefined) pack.entry(headerOf(entry), done);
    else pack.entry(headerOf(entry), content, done);
  });
}

async function chunksOf(
  contents: AsyncIterator<FileContent>,
  entry: TreeEntry,
): Promise<AsyncIterable<Uint8Array>> {
  const { value, done } = await contents.next();
  if (done || value.entry !== entry) throw new Error(`the tree did not give ${entry.path}`);
  return value.chunks;
}

export async function writeFile(
  pack: tar.Pack,
  entry: Owned<FileEntry>,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  if (entry.size > SMALL) return pipeline(chunks, pack.entry(headerOf(entry)) as unknown as Writable);
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  const content = Buffer.concat(parts);
  if (content.length !== entry.size)
    throw new Error(`${entry.path} has ${content.length} bytes, not ${entry.size}`);
  await writeEntry(pack, entry, content);
}

/** Seconds. tar-stream writes larger ones wrong, in 32 bits; a PAX record can hold them. */
const LATEST = 2 ** 31 - 1;

function headerOf({ owner = ROOT, ...entry }: Owned<TreeEntry>): Parameters<tar.Pack['entry']>[0] {
  const header = {
    ...{ name: entry.path, ...owner, mtime: new Date(Math.min(entry.mtime, LATEST) * 1000) },
    ...(entry.mtime > LATEST && { pax: { mtime: String(Math.trunc(entry.mtime)) } }),
  };
  if (entry.type === 'file') return { ...header, type: 'file', mode: entry.mode, size: entry.size };
  if (entry.type === 'directory') return { ...header, type: 'directory', mode: entry.mode };
  return { ...header, type: 'symlink', mode: 0o777, linkname: entry.target };
}
