import { createHash } from 'node:crypto';
import { Failure } from '../../model/errors.js';
import { formatSize } from '../../model/quantity.js';
import type { SourceRevision } from '../../model/source.js';
import type { TreeEntry } from '../../model/tree.js';
import { type Bytes, readBytes } from './bytes.js';
import { createCatalogue } from './catalogue.js';
import { decompress, type Unpacked } from './decompress.js';
import { entryOf, linkedEntry } from './entry.js';
import { contextRevision } from './identity.js';
import { type Member, readMembers } from './members.js';
import { createPlaces, usualPlace } from './places.js';
import { drain, nextChunk } from './stream.js';

/** What one context may be: bytes unpacked, and entries. */
export type ContextLimits = { bytes: number; entries: number };

/** `place` names the file in the store. */
export type StoredFile = { place: string; size: number };

/** Keeps the bytes of one file. `chunks` are read to their end when it resolves. */
export type Store = (file: StoredFile, chunks: AsyncIterable<Uint8Array>) => Promise<void>;

export type ReceivedContext = {
  revision: SourceRevision;
  /** In the order of a walk. The `id` of a file is the SHA-256 of its content. */
  entries: readonly TreeEntry[];
  /** Where the store has the file at a path; a hard link is where its file is. */
  placeOf: (path: string) => string;
};

type Receiving = { limits: ContextLimits; store: Store; signal: AbortSignal };

/**
 * Reads a tar stream, plain, gzip or zstd, to the end of its archive; what follows is drained and ignored, as tar does. Nothing of it
 * is held but its names. Rejects with TREE_INVALID, CONTEXT_TOO_LARGE, SOURCE_FAILED (cut off) or the signal's reason.
 */
export async function receiveContext(
  stream: AsyncIterable<Uint8Array>,
  { limits, store, signal }: Receiving,
): Promise<ReceivedContext> {
  const chunks = stream[Symbol.asyncIterator]();
  try {
    await using unpacked = await decompress(readBytes(() => nextChunk(chunks, signal)));
    return await readArchive(unpacked, limits, store);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    void drain(chunks);
  }
}

async function readArchive(
  { bytes, checked }: Unpacked,
  limits: ContextLimits,
  store: Store,
): Promise<ReceivedContext> {
  const catalogue = createCatalogue();
  const newPlace = createPlaces();
  /** Those that are not the usual ones. */
  const places = new Map<string, string>();
  const placeOf = (path: string): string => places.get(path) ?? usualPlace(path);
  const checks = createChecks(limits, bytes);
  for await (const member of readMembers(bytes, (size) => checks.checkSize(size))) {
    checks.checkEntry(member, catalogue.size());
    const linked = member.type === '1' ? linkedEntry(member, catalogue) : undefined;
    const entry = entryOf(member, linked);
    if (entry === undefined) continue;
    if (entry.type === 'file') {
      const place = linked ? placeOf(linked.path) : newPlace(entry.path);
      if (!linked) entry.id = await keep({ place, size: entry.size }, member.chunks, store);
      places.set(entry.path, place);
      if (place === usualPlace(entry.path)) places.delete(entry.path);
    }
    catalogue.add(entry);
  }
  if (checked) for await (const _ of bytes.rest()) checks.checkSize(0);
  const entries = catalogue.sorted();
  return { revision: contextRevision(entries), entries, placeOf };
}

/** Stores the file and gives the name of its content. */
async function keep(file: StoredFile, chunks: AsyncIterable<Uint8Array>, store: Store): Promise<string> {
  const hash = createHash('sha256');
  async function* hashed() {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  }
  await store(file, hashed());
  return hash.digest('hex');
}

/** What the names of an entry may have on the average: they are all that the runner holds. */
const NAMES = 256;
const LEAST_NAMES = 2 ** 20;

/** Throw CONTEXT_TOO_LARGE. */
function createChecks(limits: ContextLimits, bytes: Bytes) {
  const mostNames = Math.max(limits.entries * NAMES, LEAST_NAMES);
  let [count, names] = [0, 0];
  return {
    /** Before so many bytes are read. */
    checkSize(size: number): void {
      if (bytes.position() + size <= limits.bytes) return;
      throw tooLarge(`more than ${formatSize(limits.bytes)} unpacked`, 'max-context');
    },
    /** `known`: entries so far, where a deep path counts with its directories. */
    checkEntry({ name, linkName }: Member, known: number): void {
      names += name.length + linkName.length;
      if (Math.max(++count, known) > limits.entries)
        throw tooLarge(`more than ${limits.entries} entries`, 'max-context-entries');
      if (names > mostNames) throw tooLarge(`${formatSize(mostNames)} of names`, 'max-context-entries');
    },
  };
}

function tooLarge(what: string, setting: string): Failure {
  const variable = `BUILDBOT_${setting.toUpperCase().replaceAll('-', '_')}`;
  return new Failure(
    'CONTEXT_TOO_LARGE',
    `the context has ${what}: that is beyond this runner's ${setting}`,
    {
      hint: `leave out what the build does not need, or ask whoever runs this buildbot to raise ${variable}`,
    },
  );
}
