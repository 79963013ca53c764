import type { Readable } from 'node:stream';
import { Failure } from '../model/errors.js';

type Limits = { limit: number; what: string; signal: AbortSignal };

/** Milliseconds that a caller has to send a document and close its stdin. */
export const PATIENCE = 60_000;

/** Reads a small stream to its end, as UTF-8. Rejects with USAGE where it is too long or does not end. */
export async function readAll(stream: Readable, { limit, what, signal }: Limits): Promise<string> {
  const timeout = AbortSignal.timeout(PATIENCE);
  const stop = AbortSignal.any([signal, timeout]);
  const chunks: Buffer[] = [];
  let size = 0;
  const collect = async () => {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit)
        throw new Failure('USAGE', `${what} is larger than ${limit} bytes`, {
          hint: 'send only the document',
        });
      chunks.push(chunk);
    }
  };
  await Promise.race([collect(), stopped(stop)]).catch((error: unknown) => {
    if (error instanceof Failure) throw error;
    if (timeout.aborted)
      throw new Failure('USAGE', `${what} did not end within 60s`, {
        hint: 'redirect it: … --credentials - < FILE',
      });
    throw new Failure('CANCELLED', `${what} was cut off`, { cause: error });
  });
  return asText(Buffer.concat(chunks), what);
}

/** Throws USAGE where it is no UTF-8: a replaced character would be another password. */
export function asText(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Failure('USAGE', `${what} is not UTF-8`, { hint: 'convert it, with iconv for instance' });
  }
}

/** Rejects when the signal aborts. */
export function stopped(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(new Error('stopped'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
}
