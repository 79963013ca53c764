import { Failure } from '../../model/errors.js';
import { formatReference, type ImageReference } from '../../model/reference.js';
import type { RegistryCredentials } from '../../model/credentials.js';
import type { EngineDescription, StepIO } from '../../ports.js';
import { type Connection, connectionFailure, EngineError, isStatus, openStream } from './connection.js';
import { givingBack, isOwed, type Removal, removing } from './debts.js';
import { cleanUp } from './deadline.js';
import { delayAbort } from './delay-abort.js';
import {
  addName,
  engineName,
  findImage,
  imageIdOf,
  inspectImage,
  isInRepository,
  repositoryName,
} from './images.js';
import { forget, giveBack, type LendingNotes, type Seen } from './lendings.js';
import type { NameLock } from './name-lock.js';
import { readMessages } from './ndjson.js';
import { pushFailure } from './push-failure.js';
import { pushLog, type PushMessage } from './push-log.js';
import { registryPause } from './registry-pause.js';
import { registryAuth } from './registry-auth.js';

type PushAccess = { registries: RegistryCredentials } & StepIO;

/** What is pushed under which name. `withName`: for what has to be done to the name when its turn is over. */
type Turn = { target: ImageReference; withName: NameLock; notes: LendingNotes };

/** An engine names an image also where nobody waits for its answer: an abort waits that long, to take back what was done. */
const NAMING = 1_000;

/**
 * Pushes `source` under the name `target`. An engine pushes names alone, so the image bears the target's name for that time, and
 * whatever bore it before gets it back. The caller holds the name's lock: no runner that shares the locks moves it meanwhile.
 */
export async function pushUnderName(
  connection: Connection,
  { engine, source, target, ...turn }: Turn & { engine: EngineDescription['name']; source: string },
  access: PushAccess,
): Promise<{ digest: string }> {
  const { signal } = access;
  const name = engineName(target);
  try {
    const image = await idOf(connection, source, signal);
    const pushed = { name, image, target };
    if (engine === 'podman') return { digest: await uploadFromPodman(connection, pushed, access) };
    const before = await bearerOf(connection, { name, notes: turn.notes }, signal);
    if (before !== image) return await lendName(connection, { ...pushed, before, ...turn }, access);
    const { digest } = await pushNamed(connection, pushed, access);
    return { digest };
  } catch (error) {
    signal.throwIfAborted();
    throw requestFailure(connection, { engine, name }, error);
  }
}

/** The engine's id of an image that is given by name or id. */
async function idOf(connection: Connection, source: string, signal: AbortSignal): Promise<string> {
  return source.startsWith('sha256:') ? source : (await inspectImage(connection, source, signal)).id;
}

/** Which image bears a name and is to have it after the push; undefined: none. */
async function bearerOf(
  connection: Connection,
  { name, notes }: { name: string; notes: LendingNotes },
  signal: AbortSignal,
): Promise<string | undefined> {
  const [bearer, left] = await Promise.all([imageIdOf(connection, name, signal), notes.left(name)]);
  if (left.length === 0) return bearer;
  // What another has only lent the name to is not to get it back for good, nor to lose it under this push.
  for (const { lending, file } of left) {
    // Where that fails its note stays, for the next sweep.
    await giveBack(connection, lending, signal).then(
      () => forget(file),
      () => undefined,
    );
  }
  return await imageIdOf(connection, name, signal);
}

/** An image by its id, the name that it is pushed under, and that name's parts. */
type PushedImage = { name: string; image: string; target: ImageReference };

/** Gives the image the target's name for the time of the push. */
async function lendName(
  connection: Connection,
  { before, withName, notes, ...pushed }: Turn & PushedImage & { before: string | undefined },
  access: PushAccess,
): Promise<{ digest: string }> {
  const { emit, signal } = access;
  const { name, image, target } = pushed;
  const lending = { name, image, before };
  const note = await notes.write(lending);
  let seen: Seen | undefined;
  try {
    using late = delayAbort(signal, NAMING);
    await addName(connection, { image, name: target }, late.signal);
    const { digest, bearer } = await pushNamed(connection, pushed, access);
    seen = { bearer };
    return { digest };
  } finally {
    const what = before === undefined ? removing(name) : givingBack(name);
    const end = async (signal: AbortSignal, seen?: Seen) => {
      await giveBack(connection, { ...lending, seen }, signal);
      await note.forget();
    };
    const later: Removal = (signal) =>
      withName({ name, signal }, async () => {
        if (isOwed(connection, what, later) && (await note.stands())) await end(signal);
      });
    await cleanUp(connection, { what, emit, signal, later }, (signal) => end(signal, seen));
  }
}

/** `bearer`: the image that the name means now. */
async function pushNamed(
  connection: Connection,
  pushed: PushedImage,
  access: PushAccess,
): Promise<{ digest: string; bearer: string | undefined }> {
  const digest = await upload(connection, pushed, access);
  return { digest, bearer: await checkOwner(connection, { ...pushed, digest }, access.signal) };
}

async function upload(
  connection: Connection,
  { name, target }: PushedImage,
  access: PushAccess,
): Promise<string> {
  const path = `/images/${repositoryName(target)}/push`;
  return followPush(connection, { name, target, path, query: { tag: target.tag ?? 'latest' } }, access);
}

/**
 * Podman pushes an image without giving it a name (`destination`, podman, pkg/api/handlers/compat/images_push.go), and for an
 * instant it finds no image whose names change elsewhere.
 */
async function uploadFromPodman(
  connection: Connection,
  { name, image, target }: PushedImage,
  access: PushAccess,
): Promise<string> {
  const path = `/images/${image}/push`;
  return followPush(connection, { name, target, path, query: { destination: name } }, access);
}

type PushRequest = { name: string; target: ImageReference; path: string; query: Record<string, string> };

async function followPush(
  connection: Connection,
  { name, target, path, query }: PushRequest,
  { registries, emit, signal }: PushAccess,
): Promise<string> {
  const log = pushLog(name);
  const answer = await openStream(connection, {
    method: 'POST',
    path,
    query,
    headers: { 'X-Registry-Auth': registryAuth(target.registry, registries) },
    signal,
  });
  for await (const messages of readMessages<PushMessage>(answer)) {
    for (const message of messages) {
      const event = log.read(message);
      if (event !== undefined) await emit(event);
    }
  }
  const [error, digest] = [log.error(), log.digest()];
  if (error !== undefined) {
    throw pushFailure(name, error, await registryPause(target.registry, error, signal));
  }
  if (digest === undefined) {
    throw new Failure('PUSH_FAILED', `the engine gave no digest for ${name}`, { transient: true });
  }
  return digest;
}

function requestFailure(
  connection: Connection,
  { engine, name }: { engine: EngineDescription['name']; name: string },
  error: unknown,
): unknown {
  const failed = (message: string, transient: boolean) =>
    new Failure('PUSH_FAILED', `pushing ${name} failed: ${message}`, { transient, cause: error });
  // Podman does not find an image for an instant while others change.
  const isInstant = isStatus(error, 404) && engine === 'podman';
  if (error instanceof EngineError) return failed(error.message, error.status >= 500 || isInstant);
  const failure = connectionFailure(connection, error);
  const broke = failure instanceof Failure && failure.code === 'ENGINE_FAILED';
  return broke ? failed(failure.message, true) : failure;
}

/**
 * Somebody else who uses the engine may have moved the name while it was pushed: then the registry holds the wrong image. Gives the
 * image that the name means now.
 */
async function checkOwner(
  connection: Connection,
  { name, image, target, digest }: PushedImage & { digest: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  const named = await findImage(connection, name, signal);
  const pushed = named?.id === image ? named : await inspectImage(connection, image, signal);
  if (pushed.repoDigests.some((entry) => entry.endsWith(`@${digest}`) && isInRepository(entry, target)))
    return named?.id;
  throw new Failure(
    'PUSH_FAILED',
    `another image went out as ${formatReference(target)} while this one was pushed`,
    { transient: true },
  );
}
