import { Failure } from './model/errors.js';

/** Of a reader that has gone away: a program that ended, a terminal that hung up. */
const GONE = new Set(['EPIPE', 'EIO', 'ECONNRESET']);

/**
 * Ends the command where its reader has gone, and remembers what else keeps the verdict from being written. Unheard, such an error
 * would end the process.
 */
export function watchOutput(
  { stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>,
  gone: AbortController,
): { failure(): Failure | undefined } {
  let failure: Failure | undefined;
  stdout.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
    if (GONE.has(code)) return gone.abort();
    failure ??= new Failure(
      code === 'ENOSPC' ? 'DISK_FULL' : 'INTERNAL',
      `stdout cannot be written (${code})`,
      {
        hint: 'what was built is as it is, but its verdict is lost: make room there, then ask again',
      },
    );
  });
  // The verdict does not stand there.
  stderr.on('error', () => undefined);
  return { failure: () => failure };
}
