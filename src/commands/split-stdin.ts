import type { Readable } from 'node:stream';
import { Failure } from '../model/errors.js';
import { asText, PATIENCE, stopped } from './read-all.js';

type Limits = { limit: number; signal: AbortSignal };

/** What stands before the line `---`, as text, and the bytes after it exactly as they come. */
export type SplitStdin = { text: string; rest: AsyncIterable<Uint8Array> };

/**
 * Takes a document off the front of stdin: it ends with a line `---`; one before the document's first line only begins it, as in
 * YAML. Nothing behind that line is waited for. Rejects with USAGE where the line is missing.
 */
export async function splitStdin(stdin: Readable, { limit, signal }: Limits): Promise<SplitStdin> {
  const chunks = (stdin as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  const timeout = AbortSignal.timeout(PATIENCE);
  const reading = readDocument(chunks, limit);
  try {
    const { text, left } = await Promise.race([reading, stopped(AbortSignal.any([signal, timeout]))]);
    return { text, rest: continued(left, chunks) };
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (timeout.aborted) throw missing('did not come within 60s');
    throw new Failure('CANCELLED', 'stdin was cut off', { cause: error });
  }
}

async function readDocument(
  chunks: AsyncIterator<Buffer>,
  limit: number,
): Promise<{ text: string; left: Buffer }> {
  const lines = findEnd();
  const read: Buffer[] = [];
  for (let size = 0; size <= limit;) {
    const { value, done } = await chunks.next();
    if (done === true) throw missing('does not come before the end of stdin');
    const end = lines.next(value);
    if (end !== undefined) {
      const text = asText(Buffer.concat([...read, value.subarray(0, end)]), 'the document on stdin');
      return { text: text.replace(/---[ \t\r]*\n$/, ''), left: value.subarray(end) };
    }
    read.push(value);
    size += value.length;
  }
  throw missing(`does not come within ${limit} bytes`);
}

const [NEWLINE, TAB, RETURN, BLANK] = [0x0a, 0x09, 0x0d, 0x20];

/** Looks at each byte once. Gives where in the chunk the archive begins, once the line has come to its end. */
function findEnd(): { next(chunk: Buffer): number | undefined } {
  /** The start of the current line, as far as it matters. */
  let line = '';
  let isBegun = false;
  return {
    next(chunk) {
      for (const [at, byte] of chunk.entries()) {
        if (byte === NEWLINE) {
          const text = line.trimEnd();
          if (text === '---' && isBegun) return at + 1;
          isBegun ||= text !== '' && text !== '---' && !/^[#%]/.test(text);
          line = '';
        } else {
          // Control characters are in no document, and soon in every archive: that is told now, not after a megabyte.
          if (byte < BLANK && byte !== TAB && byte !== RETURN)
            throw missing('does not come before the archive');
          if (line.length < 64) line += String.fromCharCode(byte);
        }
      }
      return undefined;
    },
  };
}

function missing(why: string): Failure {
  return new Failure('USAGE', `the line '---' that ends the document on stdin ${why}`, {
    hint: 'send the document, a line ---, and the tar: (cat credentials.yml; echo ---; tar c .) | ssh …',
  });
}

async function* continued(left: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (left.length > 0) yield left;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
}
