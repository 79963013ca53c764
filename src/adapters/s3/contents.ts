import { Failure } from '../../model/errors.js';
import type { FileEntry } from '../../model/tree.js';

/** The file's bytes in one piece. Rejects where there are not `size` of them. */
export async function wholeFile(entry: FileEntry, chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
  }
  if (length !== entry.size) throw wrongLength(entry.size, length);
  return Buffer.concat(parts, length);
}

/** Passes the chunks on, telling how many bytes have gone by. Rejects at their end where there were not `size`. */
export async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
  onBytes: (bytes: number) => void | Promise<void>,
): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const chunk of chunks) {
    yield chunk;
    length += chunk.length;
    await onBytes(length);
  }
  if (length !== size) throw wrongLength(size, length);
}

function wrongLength(expected: number, got: number): Failure {
  return new Failure('PUBLISH_FAILED', `a file ended after ${got} of ${expected} bytes`, { transient: true });
}
