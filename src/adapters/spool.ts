import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  comparePaths,
  type DirectoryEntry,
  type FileContent,
  type FileEntry,
  type Tree,
  type TreeEntry,
} from '../model/tree.js';
import type { Spools, StreamedEntry } from '../ports.js';

/** What is written at once, and the most that is read at once. */
const PIECE = 256 * 1024;

type Place = { offset: number; size: number };

/** Keeps all contents, one after the other, in one file of the build's scratch directory. */
export function createSpools(): Spools {
  return {
    async spool(entries, directory) {
      const path = join(directory, `spool-${randomBytes(6).toString('hex')}`);
      const file = await open(path, 'wx+', 0o600);
      let disposal: Promise<void> | undefined;
      const dispose = () =>
        (disposal ??= (async () => {
          await file.close();
          await rm(path, { force: true });
        })());
      try {
        return { ...spooledTree(file, await writeEntries(file, entries)), [Symbol.asyncDispose]: dispose };
      } catch (error) {
        await dispose();
        throw error;
      }
    },
  };
}

type Spooled = { entries: ReadonlyMap<string, TreeEntry>; places: ReadonlyMap<string, Place> };

async function writeEntries(file: FileHandle, streamed: AsyncIterable<StreamedEntry>): Promise<Spooled> {
  const entries = new Map<string, TreeEntry>();
  const places = new Map<string, Place>();
  const writer = appendTo(file);
  for await (const { entry, chunks } of streamed) {
    if (entry.type !== 'file') {
      entries.set(entry.path, entry);
      continue;
    }
    const offset = writer.length();
    const hash = createHash('sha256');
    for await (const chunk of chunks ?? []) {
      hash.update(chunk);
      await writer.write(chunk);
    }
    const size = writer.length() - offset;
    entries.set(entry.path, { ...entry, size, id: hash.digest('hex') });
    places.set(entry.path, { offset, size });
  }
  await writer.flush();
  return { entries, places };
}

/** Appends in large pieces: a system call for each small file would cost more than its bytes. */
function appendTo(file: FileHandle) {
  let waiting: Uint8Array[] = [];
  let held = 0;
  let written = 0;
  const flush = async () => {
    const piece = Buffer.concat(waiting, held);
    [waiting, held] = [[], 0];
    for (let at = 0; at < piece.length;) {
      const { bytesWritten } = await file.write(piece, at, piece.length - at, written);
      at += bytesWritten;
      written += bytesWritten;
    }
  };
  return {
    length: () => written + held,
    flush,
    async write(chunk: Uint8Array): Promise<void> {
      waiting.push(chunk);
      held += chunk.length;
      if (held >= PIECE) await flush();
    },
  };
}

function spooledTree(file: FileHandle, { entries, places }: Spooled): Tree {
  const sorted = withParents(entries).sort((a, b) => comparePaths(a.path, b.path));
  return {
    entries: () => Promise.resolve(sorted),
    read: (files) => readPlaces(file, places, files),
  };
}

async function* readPlaces(
  file: FileHandle,
  places: ReadonlyMap<string, Place>,
  files: Iterable<FileEntry> | AsyncIterable<FileEntry>,
): AsyncGenerator<FileContent> {
  for await (const entry of files) {
    const place = places.get(entry.path);
    if (place === undefined) throw new Error(`${entry.path} was not spooled`);
    yield { entry, chunks: readPieces(file, place) };
  }
}

async function* readPieces(file: FileHandle, { offset, size }: Place): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size;) {
    const length = Math.min(PIECE, size - at);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, offset + at);
    if (bytesRead === 0) throw new Error('the spool file is shorter than what was written to it');
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** A stream may begin below a directory that it does not list. */
function withParents(entries: ReadonlyMap<string, TreeEntry>): TreeEntry[] {
  const parents = new Map<string, DirectoryEntry>();
  for (const { path, mtime } of entries.values()) {
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
      const directory = path.slice(0, at);
      if (entries.has(directory)) continue;
      parents.set(directory, { type: 'directory', path: directory, mode: 0o755, mtime });
    }
  }
  return [...entries.values(), ...parents.values()];
}
