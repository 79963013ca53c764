import type Docker from 'dockerode';
import { removeContainer } from './container-removal.js';
import { type Connection, connect, requestJson } from './connection.js';
import { removePodsOf } from './podman-pod.js';
import { RUNNER_LABEL } from './container-body.js';

/** Private names of images begin like this, followed by the runner's own name. */
const PRIVATE = 'buildbot-build';

/** What Podman puts before a name without a registry. */
const PODMAN_PREFIX = /^(?:localhost|docker\.io\/library)\//;

/** Milliseconds that the engine has for it: a runner starts also where the engine does not answer. */
const PATIENCE = 20_000;

/** Removes containers and private image names that the runners `dead` have left. Rejects with ENGINE_UNREACHABLE. */
export async function sweepEngine(
  dead: readonly string[],
  options: { connection?: Docker.DockerOptions } = {},
): Promise<{ containers: number; images: number }> {
  const connection = connect(options.connection);
  const signal = AbortSignal.timeout(PATIENCE);
  let [containers, images] = [0, 0];
  for (const runner of dead) {
    for (const id of await containersOf(runner, connection, signal)) {
      await removeContainer(connection, id);
      containers++;
    }
    // A pod of Podman's counts as the container that it is.
    containers += await removePodsOf(connection, `${PRIVATE}:${runner}`, signal);
    for (const name of await imagesOf(runner, connection, signal)) {
      await requestJson(connection, {
        method: 'DELETE',
        path: `/images/${name}`,
        query: { noprune: true },
        signal,
      });
      images++;
    }
  }
  return { containers, images };
}

async function containersOf(runner: string, connection: Connection, signal: AbortSignal): Promise<string[]> {
  const query = { all: true, filters: JSON.stringify({ label: [`${RUNNER_LABEL}=${runner}`] }) };
  const list = await requestJson<{ Id: string }[]>(connection, {
    method: 'GET',
    path: '/containers/json',
    query,
    signal,
  });
  return list.map(({ Id }) => Id);
}

async function imagesOf(runner: string, connection: Connection, signal: AbortSignal): Promise<string[]> {
  const query = { filters: JSON.stringify({ reference: [`${PRIVATE}:${runner}-*`] }) };
  const list = await requestJson<{ RepoTags: string[] | null }[]>(connection, {
    method: 'GET',
    path: '/images/json',
    query,
    signal,
  });
  return list
    .flatMap(({ RepoTags }) => RepoTags ?? [])
    .filter((name) => name.replace(PODMAN_PREFIX, '').startsWith(`${PRIVATE}:${runner}-`));
}
