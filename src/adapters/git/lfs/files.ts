import type { FileEntry, TreeEntry } from '../../../model/tree.js';
import { findEntry } from '../../../model/tree.js';
import type { Attributes } from '../attributes.js';
import type { OtherContents } from '../contents.js';
import { readWhole, type Objects } from '../objects.js';
import { fetchLargeFiles, type LargeFile, type LargeFileAccess } from './fetch.js';
import { MAX_POINTER, parsePointer } from './pointer.js';

type Pointers = {
  objects: Objects;
  /** The git directory. */
  directory: string;
  attributes: ReadonlyMap<string, Attributes>;
};

/**
 * Puts the content of LFS in place of the pointer files among those that .gitattributes give to it: size and id
 * become those of the content. Changes `entries` in place.
 */
export async function resolveLargeFiles(
  { objects, directory, attributes }: Pointers,
  entries: TreeEntry[],
  access: LargeFileAccess,
): Promise<OtherContents> {
  const contents = new Map<string, () => AsyncIterable<Uint8Array>>();
  const given = entries.filter(
    (entry): entry is FileEntry =>
      entry.type === 'file' &&
      entry.size <= MAX_POINTER &&
      attributes.get(entry.path)?.get('filter') === 'lfs',
  );
  const files = await readPointers(objects, given);
  if (files.length === 0) return contents;
  const sha256 = files[0]!.blob.length === 64;
  const lfsConfig = await readConfig(objects, entries);
  await fetchLargeFiles(files, { directory, sha256, lfsConfig }, access);
  const pointers = new Map(files.map((file) => [file.path, file]));
  for (const [index, entry] of entries.entries()) {
    const pointer = pointers.get(entry.path);
    if (entry.type !== 'file' || pointer === undefined) continue;
    const id = `sha256:${pointer.oid}`;
    entries[index] = { ...entry, id, size: pointer.size };
    contents.set(id, () => access.objects.read(pointer));
  }
  return contents;
}

async function readPointers(objects: Objects, entries: readonly FileEntry[]): Promise<LargeFile[]> {
  const files: LargeFile[] = [];
  await readWhole(
    objects,
    entries.map(({ id }) => `contents ${id}` as const),
    (_, body, index) => {
      const { path, id: blob } = entries[index]!;
      const pointer = parsePointer(body.toString(), path);
      if (pointer !== undefined) files.push({ ...pointer, path, blob });
    },
  );
  return files;
}

async function readConfig(objects: Objects, entries: readonly TreeEntry[]): Promise<string | undefined> {
  const entry = findEntry(entries, '.lfsconfig');
  if (entry?.type !== 'file') return undefined;
  let text: string | undefined;
  await readWhole(objects, [`contents ${entry.id}`], (_, body) => (text = body.toString()));
  return text;
}
