import { posix } from 'node:path';
import type { StreamedEntry } from '../../ports.js';
import type { Connection } from './connection.js';
import { openArchive } from './container-path.js';
import { type ArchiveEntry, archiveEntries } from './container-tar.js';

/** A file up to this size is kept while its further names are given out; a larger one is asked for again for each. */
const KEPT = 8 * 1024 * 1024;

/** Names below `root`: what came in the tar as itself, and its further names. */
type Links = ReadonlyMap<string, readonly string[]>;

/**
 * Further names of hard-linked files, each with the file's bytes. A request costs the engine a process (40 ms), so the files come
 * with a second one for the directory that holds them all.
 */
export async function* readLinks(
  connection: Connection,
  { container, root, links }: { container: string; root: string; links: Links },
  signal: AbortSignal,
): AsyncGenerator<StreamedEntry> {
  const above = commonPath([...links.keys()]);
  const left = new Set([...links.values()].flat());
  const path = posix.join(root, above);
  const { answer } = await openArchive(connection, { container, path }, signal);
  for await (const file of archiveEntries(answer, path)) {
    const names = links.get(posix.join(above, file.below)) ?? [];
    for await (const streamed of underNames(file, names)) {
      yield streamed;
      left.delete(streamed.entry.path);
    }
  }
  for (const name of left) {
    const path = posix.join(root, name);
    const { answer } = await openArchive(connection, { container, path }, signal);
    for await (const file of archiveEntries(answer, path)) yield* underNames(file, [name]);
  }
}

/** Of a large file the first name alone. */
async function* underNames(
  { entry, chunks }: ArchiveEntry,
  names: readonly string[],
): AsyncGenerator<StreamedEntry> {
  if (entry === undefined) return;
  if (entry.type !== 'file') {
    for (const path of names) yield { entry: { ...entry, path } };
  } else if (names.length > 1 && entry.size <= KEPT) {
    const content: Uint8Array[] = [];
    for await (const chunk of chunks) content.push(chunk);
    for (const path of names) yield { entry: { ...entry, path }, chunks: again(content) };
  } else {
    for (const path of names.slice(0, 1)) yield { entry: { ...entry, path }, chunks };
  }
}

async function* again(content: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* content;
}

/** The nearest directory that holds all of `paths`; a single one itself. */
function commonPath(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map((path) => path.split('/'));
  const length = first.findIndex((part, i) => others.some((other) => other[i] !== part));
  return (length < 0 ? first : first.slice(0, length)).join('/');
}
