import { Failure } from '../../model/errors.js';
import type { ImageSpec, StepIO } from '../../ports.js';
import { type ClassicLog, classicLog, type ClassicMessage } from './classic-log.js';
import { type Connection, connectionFailure, EngineError, openStream, requestJson } from './connection.js';
import { contextTar } from './context.js';
import { lastLayer } from './last-layer.js';
import { readMessages } from './ndjson.js';
import { buildQuery, dockerfilePath } from './query.js';
import { registryConfig } from './registry-auth.js';

/** How long an aborted build waits for its container to be gone. */
const STOPPING = 2_000;

/**
 * Builds with the classic builder: one container a step. It has no log limit, and no secrets and no cache
 * metadata. `more` are parameters of an engine that spells them otherwise.
 */
export async function classicBuild(
  connection: Connection,
  { spec, more = {} }: { spec: ImageSpec; more?: Readonly<Record<string, string>> },
  { emit, signal }: StepIO,
): Promise<{ id: string; cached: boolean }> {
  refuseBuildkitOptions(spec);
  if (spec.options.cacheFrom.length > 0) await emit({ type: 'warning', message: NO_PULL });
  const path = dockerfilePath(spec.context.dockerfileName);
  const body = contextTar(spec.context.tree, { path, text: spec.context.dockerfile });
  const log = classicLog();
  try {
    const headers = {
      'Content-Type': 'application/x-tar',
      'X-Registry-Config': registryConfig(spec.registries),
    };
    const query = {
      ...buildQuery(spec, path),
      version: '1',
      buildargs: JSON.stringify(buildArgs(spec)),
      ...more,
    };
    const answer = await openStream(connection, {
      method: 'POST',
      path: '/build',
      query,
      headers,
      body,
      signal,
    });
    for await (const messages of readMessages<ClassicMessage>(answer)) {
      for (const event of log.read(messages)) await emit(event);
    }
  } catch (error) {
    if (signal.aborted) await containerGone(connection, log);
    signal.throwIfAborted();
    throw body.errored ?? classicFailure(connection, error);
  } finally {
    body.destroy();
  }
  for (const event of log.flush()) await emit(event);
  return await outcome(connection, log, signal);
}

const NO_PULL =
  "--cache-from: the classic builder pulls no cache; it uses images that the engine has, where they hold the Dockerfile's steps";

/** The builder prints a warning for an arg that the Dockerfile does not declare, and this one is given to every build. */
const EPOCH = 'SOURCE_DATE_EPOCH';
const DECLARES_EPOCH = new RegExp(`^[ \\t]*ARG[ \\t](?:.*[ \\t])?${EPOCH}(?:[=\\s]|$)`, 'im');

function buildArgs({ options, context }: ImageSpec): Record<string, string> {
  const args = Object.fromEntries(options.buildArgs);
  // An ARG may go on in further lines, with comments between them.
  const joined = context.dockerfile.replace(/^[ \t]*#.*\n/gm, '').replace(/[\\`][ \t]*\r?\n/g, ' ');
  if (!DECLARES_EPOCH.test(joined)) delete args[EPOCH];
  return args;
}

async function outcome(
  connection: Connection,
  log: ClassicLog,
  signal: AbortSignal,
): Promise<{ id: string; cached: boolean }> {
  const failure = log.failure();
  if (failure !== undefined) {
    const layers = failure.commandExitCode === undefined ? undefined : log.layers();
    throw log.failure(layers && (await lastLayer(connection, layers, signal))) ?? failure;
  }
  const id = log.imageId();
  if (id === undefined) throw new Failure('ENGINE_FAILED', 'the engine ended the build without an image');
  return { id, cached: log.cached() };
}

function refuseBuildkitOptions({ secrets, agent, options }: ImageSpec): void {
  const wanted = [
    ...(secrets.size > 0 ? ['build secrets'] : []),
    ...(agent ? ['--ssh'] : []),
    ...(options.inlineCache ? ['an inline cache'] : []),
  ];
  if (wanted.length === 0) return;
  throw new Failure(
    'NOT_SUPPORTED',
    `${wanted.join(' and ')}: only with BuildKit, and this engine's is off or missing`,
    {
      hint: 'leave the option out, or run the runner with BUILDBOT_BUILDKIT=auto on an engine that has BuildKit',
    },
  );
}

/** The engine checks the Dockerfile's syntax before it answers: that is its 400. */
function classicFailure(connection: Connection, error: unknown): unknown {
  if (error instanceof Failure) return error;
  if (!(error instanceof EngineError)) return connectionFailure(connection, error);
  return error.status === 400
    ? new Failure('DOCKERFILE_INVALID', `the Dockerfile is not valid: ${error.message}`)
    : new Failure('ENGINE_FAILED', `the engine refused the build (${error.status}): ${error.message}`);
}

/** The engine kills a step's container when the request breaks, but does not say when it is done. */
async function containerGone(connection: Connection, log: ClassicLog): Promise<void> {
  const id = log.container();
  if (id === undefined) return;
  const query = { condition: 'removed' };
  const signal = AbortSignal.timeout(STOPPING);
  // 404: it has gone already. The deadline: an engine that hangs must not hold the caller.
  await requestJson(connection, {
    method: 'POST',
    path: `/containers/${id}/wait`,
    query,
    signal,
    patient: true,
  }).catch(() => undefined);
}
