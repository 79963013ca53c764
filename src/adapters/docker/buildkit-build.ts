import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Failure } from '../../model/errors.js';
import type { ImageSpec, StepIO } from '../../ports.js';
import { plainProgress } from '../buildkit/progress.js';
import type { SolveSession } from '../buildkit/session.js';
import { decodeStatus } from '../buildkit/trace.js';
import { solveVerdict } from '../buildkit/verdict.js';
import { cacheNamespace, NAMESPACE, ownersHosts } from './owners-cache.js';
import { startSession } from './buildkit-session.js';
import { type Connection, connectionFailure, EngineError, openStream } from './connection.js';
import { gentleStop } from './gentle-stop.js';
import { readMessages } from './ndjson.js';
import { buildQuery, dockerfilePath } from './query.js';

/** `aux` is `{ ID }` for the id moby.image.id, and for moby.buildkit.trace a StatusResponse in base64. Others are for show. */
type SolveMessage = { id?: string; aux?: string | { ID: string }; errorDetail?: { message: string } };

/**
 * Builds with the engine's BuildKit (moby, builder/builder-next): files, credentials and secrets go over a session that the
 * engine asks, so only what it has not got travels.
 */
export async function buildkitBuild(
  connection: Connection,
  { spec, apiVersion, contextSecret }: { spec: ImageSpec; apiVersion: number; contextSecret: Buffer },
  { emit, signal }: StepIO,
): Promise<{ id: string; cached: boolean }> {
  for (const message of checkOptions(spec, apiVersion)) await emit({ type: 'warning', message });
  const buildId = randomUUID();
  const stop = gentleStop(connection, buildId, signal);
  let session: (SolveSession & { id: string }) | undefined;
  try {
    session = await startSession(connection, { spec, contextSecret }, stop.cut);
    const query = solveQuery(spec, { buildId, sessionId: session.id, contextSecret });
    const answer = await openStream(connection, { method: 'POST', path: '/build', query, signal: stop.cut });
    stop.started();
    return await follow(answer, (event) => (signal.aborted ? undefined : emit(event)));
  } catch (error) {
    signal.throwIfAborted();
    // A lost engine ends the session too.
    if (error instanceof Failure && error.code === 'ENGINE_UNREACHABLE') throw error;
    throw session?.failure() ?? solveFailure(connection, error);
  } finally {
    stop.dispose();
    session?.close();
  }
}

async function follow(answer: Readable, emit: StepIO['emit']): Promise<{ id: string; cached: boolean }> {
  const progress = plainProgress();
  const verdict = solveVerdict();
  let imageId: string | undefined;
  let failure: Failure | undefined;
  for await (const messages of readMessages<SolveMessage>(answer)) {
    for (const { id, aux, errorDetail } of messages) {
      if (errorDetail !== undefined) failure = verdict.failure(errorDetail.message);
      else if (id === 'moby.image.id' && typeof aux === 'object') imageId = aux.ID;
      else if (id === 'moby.buildkit.trace' && typeof aux === 'string') {
        const status = decodeStatus(Buffer.from(aux, 'base64'));
        for (const warning of verdict.observe(status)) await emit({ type: 'warning', message: warning });
        for (const event of progress.read(status)) await emit(event);
      }
    }
  }
  for (const event of progress.flush()) await emit(event);
  if (failure !== undefined) throw failure;
  if (imageId === undefined)
    throw new Failure('ENGINE_FAILED', 'the engine ended the build without an image');
  return { id: imageId, cached: verdict.cached() };
}

type Solve = { buildId: string; sessionId: string; contextSecret: Buffer };

function solveQuery(spec: ImageSpec, { buildId, sessionId, contextSecret }: Solve): Record<string, unknown> {
  const query = buildQuery(spec, dockerfilePath(spec.context.dockerfileName));
  const { buildArgs, inlineCache } = spec.options;
  const args = {
    ...Object.fromEntries(buildArgs),
    ...(inlineCache ? { BUILDKIT_INLINE_CACHE: '1' } : {}),
    [NAMESPACE]: cacheNamespace(spec, contextSecret, buildArgs.get(NAMESPACE)),
  };
  return {
    ...query,
    version: '2',
    remote: 'client-session',
    session: sessionId,
    buildid: buildId,
    buildargs: JSON.stringify(args),
    extrahosts: [...spec.options.addHosts, ...ownersHosts(spec, contextSecret)],
  };
}

/** Throws for what the engine would answer with an unclear error; returns warnings for what it would drop in silence. */
function checkOptions({ options }: ImageSpec, apiVersion: number): string[] {
  const { network, shmSize, ulimits } = options;
  if (network !== undefined && !['default', 'none', 'host'].includes(network)) {
    throw new Failure(
      'NOT_SUPPORTED',
      `--network '${network}' is not for BuildKit: it takes default, none or host`,
    );
  }
  // builder-next passes both on since Engine 23, API 1.42.
  if (apiVersion >= 142) return [];
  const ignored = [
    ...(shmSize === undefined ? [] : ['--shm-size']),
    ...(ulimits.length > 0 ? ['--ulimit'] : []),
  ];
  return ignored.map((flag) => `${flag} has no effect: this engine's BuildKit does not know it`);
}

/** 400 is what the engine says to parameters that it cannot take. */
function solveFailure(connection: Connection, error: unknown): unknown {
  if (error instanceof Failure) return error;
  if (!(error instanceof EngineError)) return connectionFailure(connection, error);
  return error.status === 400
    ? new Failure('NOT_SUPPORTED', `the engine does not take the build's options: ${error.message}`)
    : new Failure('ENGINE_FAILED', `the engine refused the build (${error.status}): ${error.message}`);
}
