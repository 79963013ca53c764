import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tar from 'tar-stream';

export type TarHeader = tar.Header;

/**
 * The entries of a tar stream as they come. What was not read of one's `chunks` is skipped when the next one is asked for. Ends
 * when the whole stream has been read; destroys it when left early.
 */
export async function* tarEntries(
  source: Readable,
): AsyncGenerator<{ header: TarHeader; chunks: AsyncIterable<Uint8Array> }> {
  const extract = tar.extract();
  const reading = pipeline(source, extract as unknown as Writable);
  // The loop below hears of it too.
  reading.catch(() => undefined);
  for await (const entry of extract) {
    yield { header: entry.header, chunks: chunksOf(entry as AsyncIterable<Uint8Array>) };
    entry.resume();
  }
  await reading;
}

// Unlike the stream's own iterator, one that is left early ends not the whole tar.
async function* chunksOf(entry: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = entry[Symbol.asyncIterator]();
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    yield next.value;
  }
}
