import { onAbort } from '../../model/abort.js';
import { Failure } from '../../model/errors.js';
import { formatDuration } from '../../model/quantity.js';
import { cutOff } from './bytes.js';

/** Milliseconds that a caller may send nothing while the runner waits for more. */
export const STDIN_SILENCE = 300_000;

/**
 * The next chunk; undefined at the end. Waits no longer than the signal, and five minutes: a client may send nothing for ever. Rejects
 * with SOURCE_FAILED, also where the stream is lost.
 */
export function nextChunk(
  chunks: AsyncIterator<Uint8Array>,
  signal: AbortSignal,
  silence = STDIN_SILENCE,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const timer = setTimeout(() => reject(silent(silence)), silence);
    const watch = onAbort(signal, () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
    chunks
      .next()
      .then(
        ({ value, done }) => resolve(done === true ? undefined : value),
        (error: unknown) => reject(cutOff(error)),
      )
      .finally(() => {
        clearTimeout(timer);
        watch[Symbol.dispose]();
      });
  });
}

function silent(ms: number): Failure {
  return new Failure(
    'SOURCE_FAILED',
    `nothing came on stdin for ${formatDuration(ms)} in the middle of the context`,
    {
      hint: 'check what sends it',
    },
  );
}

/** Reads what is left, and forgets it. */
export async function drain(chunks: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    while ((await chunks.next()).done !== true);
  } catch {
    // The client has gone, and owes nothing more.
  }
}
