import { onAbort } from '../../model/abort.js';
import type { S3Credential } from '../../model/credentials.js';
import { formatSize } from '../../model/quantity.js';
import type { FileEntry } from '../../model/tree.js';
import type { StepIO, StreamedEntry } from '../../ports.js';
import { wholeFile } from './contents.js';
import { createJournal } from './journal.js';
import { objectKey, shownUrl } from './key.js';
import { createLanes } from './lanes.js';
import { openStore, PART_SIZE } from './store.js';
import { untilAborted } from './until-aborted.js';

export type Target = { bucket: string; prefix: string };
export type Published = { url: string; files: number; bytes: number };
type Access = { credential: S3Credential; concurrency: number } & StepIO;
type Chunks = AsyncIterable<Uint8Array>;

/**
 * Uploads `files` in their order, small ones side by side. The first failure stops all others. Nothing of it runs any more when the
 * promise settles; what was uploaded by then stays.
 */
export async function publish(
  target: Target,
  files: AsyncIterable<StreamedEntry>,
  { credential, emit, signal, concurrency }: Access,
): Promise<Published> {
  const stop = new AbortController();
  using _build = onAbort(signal, () => stop.abort(signal.reason));
  const run = createRun(target, { credential, concurrency, emit, stop });
  try {
    const left = await run.uploadAll(files);
    await run.settled();
    stop.signal.throwIfAborted();
    if (left > 0) await emit({ type: 'warning', message: symlinksLeftOut(left) });
    return run.published();
  } catch (error) {
    stop.abort(error);
    await run.settled();
    throw error;
  } finally {
    await run.close();
  }
}

type RunAccess = Omit<Access, 'signal'> & { stop: AbortController };

function createRun({ bucket, prefix }: Target, { credential, concurrency, emit, stop }: RunAccess) {
  const { signal } = stop;
  const store = openStore(bucket, { credential, emit, signal });
  const lanes = createLanes(concurrency, (error) => stop.abort(error));
  const journal = createJournal(emit);
  const sum = { files: 0, bytes: 0 };

  async function done(key: string, { size }: FileEntry): Promise<void> {
    sum.files++;
    sum.bytes += size;
    await journal.add(`${shownUrl(bucket, key)} ${formatSize(size)}`);
  }

  async function uploadFile(entry: FileEntry, chunks: Chunks): Promise<void> {
    const key = objectKey(prefix, entry.path);
    if (entry.size > PART_SIZE) {
      await journal.flush();
      await store.putInParts(key, { size: entry.size, chunks });
      return done(key, entry);
    }
    await lanes.vacancy();
    const body = await wholeFile(entry, untilAborted(chunks, signal));
    lanes.start(async () => {
      await store.put(key, body);
      await done(key, entry);
    });
  }

  return {
    /** Resolves to the number of symbolic links that were left out. */
    async uploadAll(files: AsyncIterable<StreamedEntry>): Promise<number> {
      let links = 0;
      for await (const { entry, chunks = nothing() } of untilAborted(files, signal)) {
        if (entry.type === 'file') await uploadFile(entry, chunks);
        if (entry.type === 'symlink') links++;
      }
      return links;
    },
    settled: () => lanes.settled(),
    async close(): Promise<void> {
      store.close();
      await journal.flush();
    },
    published: (): Published => ({ url: shownUrl(bucket, objectKey(prefix, '')), ...sum }),
  };
}

function symlinksLeftOut(count: number): string {
  return `${count === 1 ? 'one symbolic link was' : `${count} symbolic links were`} not published: S3 has none`;
}

async function* nothing(): Chunks {}
