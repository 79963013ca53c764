import type { Duplex } from 'node:stream';
import { unlessAborted } from '../../model/abort.js';
import { Failure } from '../../model/errors.js';
import type { Secret } from '../../model/secret.js';
import type { ContainerExit, EngineDescription, StepIO } from '../../ports.js';
import {
  type Connection,
  connectionFailure,
  EngineError,
  isStatus,
  openStream,
  openUpgraded,
  requestJson,
} from './connection.js';
import type { ContainerLimits } from './container-body.js';
import { followOutput } from './container-output.js';
import { secretsDocument } from './container-secrets.js';
import { stopContainer } from './container-stop.js';
import { delayAbort } from './delay-abort.js';
import { readMessages } from './ndjson.js';

/** How long an abort waits for the engine to have started what it is starting: only then can it be stopped. */
const STARTING = 5_000;
/** The engine's words where the image has no such user or group (moby, daemon/oci_linux.go). */
const NO_SUCH_USER = /unable to find (?:user|group) /;
/** Of a process that SIGKILL ended. */
const KILLED = 137;
/** Of one that SIGTERM ended. */
const TERMINATED = 143;

export type RunnableContainer = {
  name: string;
  secrets: ReadonlyMap<string, Secret>;
  limits: ContainerLimits;
  engine: EngineDescription['name'];
};

type State = { OOMKilled: boolean; ExitCode: number; FinishedAt: string };

/** Starts a container and follows it to its end. Attached before it is started, so that nothing of its output is lost. */
export async function runContainer(
  connection: Connection,
  container: RunnableContainer,
  { emit, signal }: StepIO,
): Promise<ContainerExit> {
  const { name } = container;
  signal.throwIfAborted();
  let stream: Duplex | undefined;
  try {
    stream = await attach(connection, container, signal);
    const output = followOutput(stream, emit);
    // An abort leaves it behind.
    output.catch(() => undefined);
    const failed = await startContainer(connection, name, signal);
    if (failed !== undefined) {
      await emit({ type: 'log', stream: 'stderr', text: `${failed.message}\n` });
      return { exitCode: failed.exitCode };
    }
    await unlessAborted(output, signal);
    return await exitOf(connection, container, signal);
  } catch (error) {
    if (!signal.aborted) throw runFailure(connection, error);
    // While its output is stuck, a container does not end.
    stream?.destroy();
    await stopContainer(connection, name, emit);
    throw signal.reason;
  } finally {
    stream?.destroy();
  }
}

async function attach(
  connection: Connection,
  { name, secrets }: RunnableContainer,
  signal: AbortSignal,
): Promise<Duplex> {
  const stdin = secrets.size > 0 ? { stdin: '1' } : {};
  const stream = await openUpgraded(connection, {
    method: 'POST',
    path: `/containers/${name}/attach`,
    query: { stream: '1', stdout: '1', stderr: '1', ...stdin },
    signal,
  });
  // Whoever reads the stream hears of its errors; without a listener they would end the process as well.
  stream.on('error', () => undefined);
  if (secrets.size > 0) stream.write(secretsDocument(secrets));
  return stream;
}

/**
 * What the engine says where the command cannot be run at all, with the exit code that a shell would have given: 127 not found,
 * 126 not executable. Most often init finds it out instead, and the container exits so itself.
 */
async function startContainer(
  connection: Connection,
  name: string,
  signal: AbortSignal,
): Promise<(ContainerExit & { message: string }) | undefined> {
  using cut = delayAbort(signal, STARTING);
  try {
    await requestJson(connection, { method: 'POST', path: `/containers/${name}/start`, signal: cut.signal });
    return undefined;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (NO_SUCH_USER.test(error.message)) return { exitCode: 126, message: error.message };
    const { ExitCode } = await stateOf(connection, name, cut.signal);
    if (ExitCode !== 126 && ExitCode !== 127) throw error;
    return { exitCode: ExitCode, message: error.message };
  }
}

/** The container may run on after it closed its output. */
async function exitOf(
  connection: Connection,
  { name, limits, engine }: RunnableContainer,
  signal: AbortSignal,
): Promise<ContainerExit> {
  const path = `/containers/${name}/wait`;
  const { StatusCode: exitCode } = await requestJson<{ StatusCode: number }>(connection, {
    method: 'POST',
    path,
    signal,
    patient: true,
  });
  if (exitCode === 0) return { exitCode };
  const { memory: limit } = limits;
  const outOfMemory = { exitCode, outOfMemory: limit === undefined ? {} : { limit } };
  // Podman does not tell; but who else would kill a command that has a limit?
  if (engine === 'podman') return exitCode === KILLED && limit !== undefined ? outOfMemory : { exitCode };
  const state = await stateOf(connection, name, signal);
  if (state.OOMKilled) return outOfMemory;
  const end = await endOf(connection, { name, ...state }, signal);
  if (end === 'oom') return outOfMemory;
  if (end === undefined) return { exitCode };
  throw new Failure('ENGINE_FAILED', "the build's container was ended by the engine while it ran", {
    hint: 'try again: the engine was stopped, or somebody stopped the container',
  });
}

/**
 * Who ended the container where it was not its own command: the engine, as it does with all of them when it is stopped itself, or because
 * somebody asked it to (`kill`); or the kernel for want of memory (`oom`), of which the engine may hear only when it has written down the
 * container's end. Its events tell.
 */
async function endOf(
  connection: Connection,
  { name, ExitCode, FinishedAt }: State & { name: string },
  signal: AbortSignal,
): Promise<'kill' | 'oom' | undefined> {
  if (ExitCode !== KILLED && ExitCode !== TERMINATED) return undefined;
  // Seconds on the engine's own clock: until then, or the stream would not end.
  const until = Math.ceil(Date.parse(FinishedAt) / 1000);
  const filters = JSON.stringify({ container: [name], event: ['kill', 'oom'] });
  const events = await openStream(connection, {
    method: 'GET',
    path: '/events',
    query: { since: '0', until, filters },
    signal,
  });
  let end: 'kill' | 'oom' | undefined;
  for await (const messages of readMessages<{ Action?: string }>(events)) {
    for (const { Action } of messages) end = Action === 'oom' || end === 'oom' ? 'oom' : 'kill';
  }
  return end;
}

async function stateOf(connection: Connection, name: string, signal: AbortSignal): Promise<State> {
  const path = `/containers/${name}/json`;
  return (await requestJson<{ State: State }>(connection, { method: 'GET', path, signal })).State;
}

/** What kept a container from running, as the caller is told it. */
export function runFailure(connection: Connection, error: unknown): unknown {
  if (!(error instanceof EngineError)) return connectionFailure(connection, error);
  const message = isStatus(error, 404)
    ? "the build's container was removed while it ran"
    : `the engine cannot run the container (${error.status}): ${error.message}`;
  return new Failure('ENGINE_FAILED', message, { cause: error });
}
