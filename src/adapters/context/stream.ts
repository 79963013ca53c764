import { cutOff } from './bytes.js';

/** The next chunk; undefined at the end. Waits no longer than the signal: a client may send nothing for ever. Rejects where it is lost. */
export function nextChunk(
  chunks: AsyncIterator<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    chunks
      .next()
      .then(
        ({ value, done }) => resolve(done === true ? undefined : value),
        (error: unknown) => reject(cutOff(error)),
      )
      .finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Reads what is left, and forgets it. */
export async function drain(chunks: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    while ((await chunks.next()).done !== true);
  } catch {
    // The client has gone, and owes nothing more.
  }
}
