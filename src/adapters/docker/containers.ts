import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';
import { Failure } from '../../model/errors.js';
import type { Container, Containers, ContainerSpec, StepIO } from '../../ports.js';
import { type Connection, connect, EngineError, isStatus, requestJson } from './connection.js';
import { readArchive } from './container-archive.js';
import { type ContainerLimits, containerBody } from './container-body.js';
import { pullImage, type PullAccess } from './container-image.js';
import { statPath } from './container-path.js';
import { putTree } from './container-put.js';
import { cleanUpContainer } from './container-removal.js';
import { type RunnableContainer, runContainer, runFailure } from './container-run.js';
import { checkSecrets } from './container-secrets.js';
import { interactWithContainer, saveContainer } from './container-shell.js';
import { delayAbort } from './delay-abort.js';
import { createIdentity } from './identity.js';

/** How long an abort waits for a container in the making: the engine ends it anyway, and only then can it be removed. */
export const MAKING = 5_000;

export type DockerContainersOptions = ContainerLimits & {
  /** Where the engine is; what is absent comes from DOCKER_HOST and its like, or is the default socket. */
  connection?: Docker.DockerOptions;
};

/**
 * Docker, and Podman's Docker API, as the port Containers. Opens no connection before it is asked something. An image that is in
 * the engine's store is used without asking its registry, so whoever may build here may use it.
 */
export function createDockerContainers({
  connection: where,
  ...limits
}: DockerContainersOptions = {}): Containers {
  const connection = connect(where);
  const identity = createIdentity(connection, 'auto');
  return {
    async create(spec, access) {
      checkSecrets(spec.secrets);
      const { name: engine } = await identity.get(access.signal);
      const name = `buildbot-${spec.build}-${randomBytes(6).toString('hex')}`;
      const made = {
        name,
        image: spec.image,
        local: spec.local,
        body: containerBody(spec, { limits, engine }),
      };
      try {
        await identity.watch(makeContainer(connection, made, access));
        if (spec.command !== undefined && (spec.secrets.size > 0 || spec.terminal !== undefined))
          await checkShell(connection, made, access.signal);
      } catch (error) {
        // By name: the engine may have made it though its answer never came.
        await cleanUpContainer(connection, name, access);
        access.signal.throwIfAborted();
        throw creationFailure(spec, error);
      }
      const { emit, signal } = access;
      const caches = [...spec.caches.values()];
      return openContainer(
        connection,
        { name, secrets: spec.secrets, limits, engine, caches },
        { emit, signal },
      );
    },
  };
}

type NewContainer = { name: string; image: string; local: true | undefined; body: object };

async function makeContainer(connection: Connection, made: NewContainer, access: PullAccess): Promise<void> {
  try {
    await postContainer(connection, made, access.signal);
  } catch (error) {
    if (made.local || !isStatus(error, 404)) throw error;
    await pullImage(connection, made.image, access);
    await postContainer(connection, made, access.signal);
  }
}

async function postContainer(
  connection: Connection,
  { name, body }: NewContainer,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  using cut = delayAbort(signal, MAKING);
  await requestJson(connection, {
    method: 'POST',
    path: '/containers/create',
    query: { name },
    json: body,
    signal: cut.signal,
  });
  signal.throwIfAborted();
}

async function checkShell(
  connection: Connection,
  { name, image }: NewContainer,
  signal: AbortSignal,
): Promise<void> {
  const shell = await statPath(connection, { container: name, path: '/bin/sh' }, signal);
  if (shell !== undefined) return;
  throw new Failure(
    'NOT_SUPPORTED',
    `the image ${image} has no /bin/sh, which secrets and a terminal in a container need`,
  );
}

/** 400 and 404 are about what was asked for, yet the limits among it are the server's: its own words say which. */
function creationFailure({ image, caches }: ContainerSpec, error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  // dockerd copies what the image has there into a new volume, and has no status of its own for what cannot be: 500.
  const place = /^(.*) is not (?:a )?directory$/.exec(error.message)?.[1];
  const file = [...caches.values()].find((path) => place?.endsWith(path));
  if (file !== undefined) {
    const why = `'${file}' cannot be kept as a cache: it is a file in ${image}`;
    return new Failure('USAGE', why, { hint: 'name a directory', cause: error });
  }
  const message = `the engine makes no container of ${image} (${error.status}): ${error.message}`;
  return new Failure('ENGINE_FAILED', message, { cause: error });
}

function openContainer(
  connection: Connection,
  { name, caches, ...what }: RunnableContainer & { caches: readonly string[] },
  io: StepIO,
): Container {
  // What still reads from a container, its files or its output, would hold up its removal.
  const disposed = new AbortController();
  let removal: Promise<void> | undefined;
  return {
    put: (tree, path, signal) => putTree(connection, { container: name, tree, path, caches }, signal),
    run: ({ emit, signal }) =>
      runContainer(
        connection,
        { name, ...what },
        { emit, signal: AbortSignal.any([signal, disposed.signal]) },
      ),
    interact: async (session, signal) => {
      try {
        await interactWithContainer(
          connection,
          { name, session },
          AbortSignal.any([signal, disposed.signal]),
        );
      } catch (error) {
        throw runFailure(connection, error);
      }
    },
    save: (image, signal) => saveContainer(connection, { name, image }, signal),
    read: (path, signal) =>
      readArchive(
        connection,
        { container: name, path },
        { emit: io.emit, signal: AbortSignal.any([signal, disposed.signal]) },
      ),
    [Symbol.asyncDispose]() {
      disposed.abort();
      return (removal ??= cleanUpContainer(connection, name, io));
    },
  };
}
