import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileEntry, TreeEntry } from '../../model/tree.js';
import type { Attributes, Index } from './attributes.js';
import type { OtherContents } from './contents.js';

/**
 * Gives the files that .gitattributes changes on Linux (line ends, encoding, $Id$) the size and an id of what a
 * checkout would write, and writes that into `scratch`. Changes `entries` in place, but for those in `done`.
 */
export async function convertFiles(
  { attributes, checkOut }: Index,
  entries: TreeEntry[],
  { done, scratch }: { done: OtherContents; scratch: string },
): Promise<OtherContents> {
  const isConverted = (entry: TreeEntry): entry is FileEntry =>
    entry.type === 'file' && !done.has(entry.id) && changes(attributes.get(entry.path));
  const converted = new Map<string, () => AsyncIterable<Uint8Array>>();
  const changed = entries.filter(isConverted);
  if (changed.length === 0) return converted;
  const prefix = `${join(scratch, 'converted')}/`;
  await checkOut(
    changed.map(({ path }) => path),
    prefix,
  );
  for (const [index, entry] of entries.entries()) {
    if (!isConverted(entry)) continue;
    const file = prefix + entry.path;
    const id = convertedId(entry, attributes.get(entry.path)!);
    entries[index] = { ...entry, id, size: (await lstat(file)).size };
    converted.set(id, () => createReadStream(file));
  }
  return converted;
}

function changes(attributes: Attributes | undefined): boolean {
  if (attributes?.get('eol') === 'crlf') return true;
  return ['working-tree-encoding', 'ident'].some((name) => (attributes?.get(name) ?? 'unset') !== 'unset');
}

function convertedId({ id }: FileEntry, attributes: Attributes): string {
  const values = [...attributes].filter(([name]) => name !== 'filter');
  return createHash('sha256')
    .update(JSON.stringify([id, ...values]))
    .digest('hex');
}
