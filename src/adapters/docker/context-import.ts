import { Failure } from '../../model/errors.js';
import { parseReference } from '../../model/reference.js';
import { type Connection, openStream } from './connection.js';
import { engineFailure } from './engine-failure.js';
import { addName } from './images.js';
import { readMessages } from './ndjson.js';
import type { packTar } from './tar-pack.js';

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
  try {
    const answer = await openStream(connection, {
      method: 'POST',
      path: '/images/create',
      query: { fromSrc: '-', repo, tag },
      headers: { 'Content-Type': 'application/x-tar' },
      body,
      signal,
    });
    let id = '';
    for await (const messages of readMessages<ImportMessage>(answer)) {
      for (const { status, errorDetail } of messages) {
        if (errorDetail !== undefined) throw refusal(errorDetail.message);
        id = status ?? id;
      }
    }
    // Podman takes no notice of the name.
    await addName(connection, { image: id, name: parseReference(name) }, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw body.errored ?? engineFailure(connection, 'take the context', error);
  } finally {
    body.destroy();
  }
}

function refusal(message: string): Failure {
  return new Failure('ENGINE_FAILED', `the engine cannot take the context: ${message}`);
}
