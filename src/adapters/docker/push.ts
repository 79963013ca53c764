import { Failure } from '../../model/errors.js';
import { formatReference, type ImageReference } from '../../model/reference.js';
import type { RegistryCredentials } from '../../model/credentials.js';
import type { StepIO } from '../../ports.js';
import { type Connection, EngineError, openStream } from './connection.js';
import {
  addName,
  type EngineImage,
  imageIdOf,
  inspectImage,
  isInRepository,
  removeName,
  repositoryName,
} from './images.js';
import { readMessages } from './ndjson.js';
import { pushFailure } from './push-failure.js';
import { pushLog, type PushMessage } from './push-log.js';
import { registryAuth } from './registry-auth.js';

export type PushAccess = { registries: RegistryCredentials } & StepIO;

/**
 * Pushes `source` under the name `target`. An engine pushes names alone, so the image bears the target's name for that time, and
 * whatever bore it before gets it back. The caller holds the name's lock: nobody of this runner moves it meanwhile.
 */
export async function pushImage(
  connection: Connection,
  { source, target }: { source: string; target: ImageReference },
  access: PushAccess,
): Promise<{ digest: string }> {
  const name = formatReference({ ...target, tag: target.tag ?? 'latest', digest: undefined });
  access.signal.throwIfAborted();
  const [image, before] = await Promise.all([inspectImage(connection, source), imageIdOf(connection, name)]);
  if (before !== image.id) await addName(connection, image.id, target);
  try {
    const digest = await pushName(connection, { name, target }, access);
    await checkOwner(connection, { image, target, digest });
    return { digest };
  } finally {
    // Requests without the signal: an aborted push leaves no name either.
    if (before !== image.id) await restoreName(connection, { name, target, before });
  }
}

/** Removing first is what also forgets the digest: moving the name away would leave `name@digest`, which keeps the image. */
async function restoreName(
  connection: Connection,
  { name, target, before }: { name: string; target: ImageReference; before: string | undefined },
): Promise<void> {
  await removeName(connection, name);
  if (before !== undefined) await addName(connection, before, target);
}

async function pushName(
  connection: Connection,
  { name, target }: { name: string; target: ImageReference },
  { registries, emit, signal }: PushAccess,
): Promise<string> {
  const log = pushLog();
  try {
    const answer = await openStream(connection, {
      method: 'POST',
      path: `/images/${repositoryName(target)}/push`,
      query: { tag: target.tag ?? 'latest' },
      headers: { 'X-Registry-Auth': registryAuth(target.registry, registries) },
      signal,
    });
    for await (const messages of readMessages<PushMessage>(answer)) {
      for (const message of messages) {
        const event = log.read(message);
        if (event !== undefined) await emit(event);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    throw requestFailure(name, error);
  }
  const [error, digest] = [log.error(), log.digest()];
  if (error !== undefined) throw pushFailure(name, error);
  if (digest === undefined) {
    throw new Failure('PUSH_FAILED', `the engine gave no digest for ${name}`, { transient: true });
  }
  return digest;
}

function requestFailure(name: string, error: unknown): Failure {
  if (error instanceof Failure && error.code === 'ENGINE_UNREACHABLE') return error;
  const message = error instanceof Error ? error.message : String(error);
  const transient = !(error instanceof EngineError) || error.status >= 500;
  return new Failure('PUSH_FAILED', `pushing ${name} failed: ${message}`, { transient, cause: error });
}

/** Somebody else who uses the engine may have moved the name while it was pushed: then the registry holds the wrong image. */
async function checkOwner(
  connection: Connection,
  { image, target, digest }: { image: EngineImage; target: ImageReference; digest: string },
): Promise<void> {
  const { repoDigests } = await inspectImage(connection, image.id);
  const own = repoDigests.some((entry) => entry.endsWith(`@${digest}`) && isInRepository(entry, target));
  if (own) return;
  throw new Failure(
    'PUSH_FAILED',
    `another image went out as ${formatReference(target)} while this one was pushed`,
    {
      transient: true,
    },
  );
}
