import { diskFull } from '../buildkit/disk-full.js';
import type { RegistryCredentials } from '../../model/credentials.js';
import { Failure } from '../../model/errors.js';
import type { StepEvent } from '../../model/events.js';
import { type ImageReference, parseReference } from '../../model/reference.js';
import type { StepIO } from '../../ports.js';
import { type Connection, EngineError, openStream } from './connection.js';
import { repositoryName } from './images.js';
import { readMessages } from './ndjson.js';
import { progressRate } from './progress-rate.js';
import { isTransient } from './push-failure.js';
import { registryAuth } from './registry-auth.js';

export type PullAccess = { registries: RegistryCredentials } & StepIO;

/** A message of a pull (moby, pkg/jsonmessage). */
type PullMessage = {
  status?: string;
  /** A layer's short id, or the tag. */
  id?: string;
  progressDetail?: { current?: number; total?: number };
  errorDetail?: { message: string };
};

/** Pulls an image with the login of its registry, if there is one. Rejects with BASE_IMAGE_UNAVAILABLE. */
export async function pullImage(connection: Connection, name: string, access: PullAccess): Promise<void> {
  const { registries, emit, signal } = access;
  const reference = parseReference(name);
  await emit({ type: 'log', stream: 'stdout', text: `pulling ${name}\n` });
  const eventOf = pullEvents();
  try {
    const answer = await openPull(connection, { reference, registries, signal });
    for await (const messages of readMessages<PullMessage>(answer)) {
      for (const message of messages) {
        if (message.errorDetail !== undefined) throw unavailable(name, message.errorDetail.message);
        const event = eventOf(message);
        if (event !== undefined) await emit(event);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof EngineError ? unavailable(name, error.message, error) : error;
  }
}

function openPull(
  connection: Connection,
  { reference, registries, signal }: { reference: ImageReference } & Omit<PullAccess, 'emit'>,
) {
  // Without a tag the engine would pull all of them.
  const tag = reference.digest ?? reference.tag ?? 'latest';
  return openStream(connection, {
    method: 'POST',
    path: '/images/create',
    query: { fromImage: repositoryName(reference), tag },
    headers: { 'X-Registry-Auth': registryAuth(reference.registry, registries) },
    signal,
  });
}

/** Each layer's end is a line, what lies between is progress. */
function pullEvents(): (message: PullMessage) => StepEvent | undefined {
  const mayShow = progressRate();
  return ({ status = '', id, progressDetail: { current, total = 0 } = {} }) => {
    if (current !== undefined) {
      return mayShow() ? { type: 'progress', what: `layer ${id}`, current, total } : undefined;
    }
    if (id === undefined) return { type: 'log', stream: 'stdout', text: `${status}\n` };
    return status === 'Pull complete'
      ? { type: 'log', stream: 'stdout', text: `pulled layer ${id}\n` }
      : undefined;
  };
}

function unavailable(name: string, why: string, cause?: EngineError): Failure {
  const full = diskFull(why);
  if (full) return full;
  // 404 says that there is none, or none for this login.
  const transient = cause?.status !== 404 && isTransient(why);
  return new Failure('BASE_IMAGE_UNAVAILABLE', `the image ${name} cannot be had: ${why}`, {
    cause,
    transient,
    ...(transient && { hint: 'its registry could not be reached: try again, or check its name' }),
  });
}
