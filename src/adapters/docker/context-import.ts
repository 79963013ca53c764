import type { Readable } from 'node:stream';
import { diskFull } from '../buildkit/disk-full.js';
import { onAbort } from '../../model/abort.js';
import { Failure } from '../../model/errors.js';
import { parseReference } from '../../model/reference.js';
import { type Connection, openStream } from './connection.js';
import { delayAbort } from './delay-abort.js';
import { engineFailure } from './engine-failure.js';
import { addName } from './images.js';
import { readMessages } from './ndjson.js';
import type { packTar } from './tar-pack.js';

/** An engine that has a whole tar makes an image of it, also where nobody waits for it any more: only then can it be removed. */
const COMMITTING = 10_000;

/** A message of an import (moby, pkg/jsonmessage): at its end the image's id, or why there is none. */
type ImportMessage = { status?: string; errorDetail?: { message: string } };

/**
 * Makes an image of one layer from a tar (Engine API, ImageCreate with fromSrc). Nothing is left of a tar that breaks: the engine keeps
 * whole layers alone. Rejects with what broke the tar, with ENGINE_FAILED or ENGINE_UNREACHABLE.
 */
export async function importImage(
  connection: Connection,
  { name, body }: { name: string; body: ReturnType<typeof packTar> },
  signal: AbortSignal,
): Promise<void> {
  const [repo, tag] = name.split(':');
  using cut = cutWhenUnfinished(body, signal);
  try {
    const answer = await openStream(connection, {
      method: 'POST',
      path: '/images/create',
      query: { fromSrc: '-', repo, tag },
      headers: { 'Content-Type': 'application/x-tar' },
      body,
      signal: cut.signal,
    });
    let id = '';
    for await (const messages of readMessages<ImportMessage>(answer)) {
      for (const { status, errorDetail } of messages) {
        if (errorDetail !== undefined) throw refusal(errorDetail.message);
        id = status ?? id;
      }
    }
    // Podman takes no notice of the name.
    await addName(connection, { image: id, name: parseReference(name) }, cut.signal);
    signal.throwIfAborted();
  } catch (error) {
    signal.throwIfAborted();
    throw body.errored ?? engineFailure(connection, 'take the context', error);
  } finally {
    body.destroy();
  }
}

/** Aborts with `signal` as long as the engine lacks a part of the body, later where it has all of it. */
function cutWhenUnfinished(body: Readable, signal: AbortSignal): { signal: AbortSignal } & Disposable {
  const cut = new AbortController();
  const late = delayAbort(signal, COMMITTING);
  const give = () => cut.abort(signal.reason);
  const watch = onAbort(signal, () => (body.readableEnded ? undefined : give()));
  onAbort(late.signal, give);
  return {
    signal: cut.signal,
    [Symbol.dispose]() {
      late[Symbol.dispose]();
      watch[Symbol.dispose]();
    },
  };
}

function refusal(message: string): Failure {
  return diskFull(message) ?? new Failure('ENGINE_FAILED', `the engine cannot take the context: ${message}`);
}
