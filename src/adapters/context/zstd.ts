import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { Failure } from '../../model/errors.js';

/** The most that the program may use, so the largest window that it takes: that of `zstd --long`. */
const MEMORY = '128MiB';

/**
 * Unpacks with the program `zstd`: it checks what it unpacks, holds to a limit of memory and leaves the event loop alone. Rejects with
 * NOT_SUPPORTED where there is none, and with SOURCE_FAILED where the data is cut off or damaged, which it does not tell apart.
 */
export async function* unpackZstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const child = spawn('zstd', ['-dcq', `--memory=${MEMORY}`], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env.PATH },
  });
  const ended = Promise.race([once(child, 'close'), failedStart(child)]);
  ended.catch(() => undefined);
  // Where descriptors have run out, it has not even pipes.
  if (child.pid === undefined) await ended;
  const feeding = pipeline(packed, child.stdin);
  let lost: unknown;
  feeding.catch((error: unknown) => (lost = error));
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const [code] = (await ended) as [number | null];
    if (code === 0) return;
    if (lost instanceof Failure) throw lost;
    throw new Failure('SOURCE_FAILED', 'the context was cut off, or its zstd data is damaged', {
      hint: `send it again; a window of more than ${MEMORY} is not taken`,
      cause: lost,
    });
  } finally {
    child.kill('SIGKILL');
  }
}

function failedStart(child: ReturnType<typeof spawn>): Promise<never> {
  return new Promise((_, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') return reject(cause);
      const hint = 'send it plain, or packed with gzip';
      reject(new Failure('NOT_SUPPORTED', 'this runner has no zstd', { hint, cause }));
    });
  });
}
