import { randomBytes } from 'node:crypto';
import type { StepIO } from '../../ports.js';
import { type Connection, isStatus, requestJson } from './connection.js';
import { cleanUp, withDeadline } from './deadline.js';
import { delayAbort } from './delay-abort.js';
import { engineFailure } from './engine-failure.js';

/** Podman's own API; unlike the Docker one it has no path without a version. */
export const LIBPOD = '/v4.0.0/libpod';
/** An abort waits that long for a pod in the making: only then can it be removed. */
const MAKING = 5_000;

export type Pod = AsyncDisposable & {
  /** Its PID namespace as a path on the engine's machine. When the pod is removed, the kernel ends whatever runs in it. */
  pidNamespace: string;
};

/**
 * Starts a pod without containers of its own, named after `owner`. Rejects with ENGINE_FAILED or ENGINE_UNREACHABLE, and leaves
 * nothing then. Its disposal never rejects: its trouble is a warning.
 */
export async function startPod(
  connection: Connection,
  owner: string,
  { emit, signal }: StepIO,
): Promise<Pod> {
  const name = `${podPrefix(owner)}${randomBytes(4).toString('hex')}`;
  let removal: Promise<void> | undefined;
  const removing = { what: `remove the pod ${name}`, emit, signal };
  const dispose = () =>
    (removal ??= cleanUp(connection, removing, (deadline) => askRemoval(connection, name, deadline)));
  try {
    const pidNamespace = await makePod(connection, name, signal);
    return { pidNamespace, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    // By name: the engine may have made it though its answer never came.
    await dispose();
    signal.throwIfAborted();
    throw engineFailure(connection, 'start a pod for the build', error);
  }
}

async function makePod(connection: Connection, name: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  using cut = delayAbort(signal, MAKING);
  const request = { signal: cut.signal } as const;
  const json = { name, shared_namespaces: ['pid'] };
  await requestJson(connection, { ...request, method: 'POST', path: `${LIBPOD}/pods/create`, json });
  await requestJson(connection, { ...request, method: 'POST', path: `${LIBPOD}/pods/${name}/start` });
  const pod = await requestJson<{ InfraContainerID: string }>(connection, {
    ...request,
    method: 'GET',
    path: `${LIBPOD}/pods/${name}/json`,
  });
  const { State } = await requestJson<{ State: { Pid: number } }>(connection, {
    ...request,
    method: 'GET',
    path: `/containers/${pod.InfraContainerID}/json`,
  });
  signal.throwIfAborted();
  return `/proc/${State.Pid}/ns/pid`;
}

/** Removes a pod with all that runs in it. Safe where there is none. Rejects with ENGINE_FAILED or ENGINE_UNREACHABLE. */
export async function removePod(connection: Connection, name: string): Promise<void> {
  try {
    await withDeadline(connection, {}, (signal) => askRemoval(connection, name, signal));
  } catch (error) {
    throw engineFailure(connection, `remove the pod ${name}`, error);
  }
}

async function askRemoval(connection: Connection, name: string, signal: AbortSignal): Promise<void> {
  try {
    const [path, query] = [`${LIBPOD}/pods/${name}`, { force: 'true' }];
    await requestJson(connection, { method: 'DELETE', path, query, signal, patient: true });
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
  }
}

/** The pods of builds whose private image name begins with `owner`; an engine that is not Podman has none. */
export async function podsOf(connection: Connection, owner: string, signal: AbortSignal): Promise<string[]> {
  const names = await podNames(connection, signal);
  return names.filter((name) => name.startsWith(podPrefix(owner)));
}

async function podNames(connection: Connection, signal: AbortSignal): Promise<string[]> {
  try {
    const path = `${LIBPOD}/pods/json`;
    const pods = await requestJson<{ Name: string }[] | null>(connection, { method: 'GET', path, signal });
    return (pods ?? []).map(({ Name }) => Name);
  } catch (error) {
    // Docker: no such path, or no such version of its API.
    if (isStatus(error, 404) || isStatus(error, 400)) return [];
    throw error;
  }
}

function podPrefix(owner: string): string {
  return `${owner.replaceAll(/[^A-Za-z0-9_.-]/g, '-')}-`;
}
