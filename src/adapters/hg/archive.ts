import type { Readable } from 'node:stream';
import { Failure } from '../../model/errors.js';
import type { TreeEntry } from '../../model/tree.js';
import type { StreamedEntry } from '../../ports.js';
import { type TarHeader, tarEntries } from '../tar-entries.js';

/** The cache cannot give what it should have. It has to be thrown away. */
export class DamagedCache extends Error {
  override readonly name = 'DamagedCache';
}

/** What `hg archive` puts before every path. */
export const ARCHIVE_PREFIX = 'source';

/** PATH_MAX of Linux: for a path, and for a link's target. */
const MAX_PATH = 4096;
const MAX_ENTRIES = 1_000_000;

/**
 * The entries of the tar that `hg archive` writes. Size and id of a file are not known yet. Throws TREE_INVALID for what
 * a checkout would refuse, and DamagedCache for a stream that ends early.
 */
export async function* archivedEntries(stream: Readable, mtime: number): AsyncGenerator<StreamedEntry> {
  try {
    yield* entriesOf(stream, mtime);
  } catch (cause) {
    throw cause instanceof Failure ? cause : new DamagedCache('the archive ended early', { cause });
  }
}

async function* entriesOf(stream: Readable, mtime: number): AsyncGenerator<StreamedEntry> {
  let count = 0;
  for await (const { header, chunks } of tarEntries(stream)) {
    if (++count > MAX_ENTRIES) throw invalid(`it holds more than ${MAX_ENTRIES} files`);
    const entry = entryOf(header, mtime);
    yield entry.type === 'file' ? { entry, chunks: contentOf(chunks) } : { entry };
  }
}

// The stream is cut in the middle of a file as a rule, so that its reader hears of it.
async function* contentOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (cause) {
    throw new DamagedCache('the archive ended within a file', { cause });
  }
}

function entryOf({ name, type, mode, linkname, pax }: TarHeader, mtime: number): TreeEntry {
  // hdrcharset: how Python writes names that are not UTF-8.
  if (Object.hasOwn(pax ?? {}, 'hdrcharset'))
    throw invalid(`it holds '${printable(name.slice(ARCHIVE_PREFIX.length + 1))}', which is not UTF-8`);
  const path = checkedPath(name.slice(ARCHIVE_PREFIX.length + 1));
  if (type !== 'symlink')
    return { type: 'file', path, mode: (mode ?? 0) & 0o100 ? 0o755 : 0o644, size: 0, id: '', mtime };
  const target = linkname ?? '';
  if (target.length >= MAX_PATH) throw invalid(`it holds a link to ${target.length} characters`);
  return { type: 'symlink', path, target, mtime };
}

function checkedPath(path: string): string {
  const parts = path.split('/');
  const isRefused = (part: string): boolean =>
    part === '' || part === '.' || part === '..' || part.toLowerCase() === '.hg';
  if (path.length > MAX_PATH || parts.some(isRefused) || path.includes('\0'))
    throw invalid(`it holds '${printable(path)}', and no file may be called so`);
  return path;
}

function invalid(why: string): Failure {
  return new Failure('TREE_INVALID', `the source cannot be used: ${why}`);
}

function printable(path: string): string {
  return path
    .slice(0, 200)
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => JSON.stringify(character).slice(1, -1));
}
