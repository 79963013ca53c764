import { Failure } from '../../model/errors.js';
import { type Connection, EngineError, isStatus, requestJson } from './connection.js';

/** An engine takes longer for a container of very many files, and goes on alone. One that hangs must not hold the caller. */
const DEADLINE = 10_000;

/**
 * Ends a container, whatever state it is in, and removes it with its anonymous volumes. Safe where there is none. Waits for the
 * engine, but not for ever. Rejects with ENGINE_FAILED or ENGINE_UNREACHABLE.
 */
export async function removeContainer(connection: Connection, name: string): Promise<void> {
  const signal = AbortSignal.timeout(DEADLINE);
  const path = `/containers/${name}`;
  const requests = [
    { method: 'DELETE', path, query: { force: '1', v: '1' }, signal },
    // For 409: somebody else removes it already.
    { method: 'POST', path: `${path}/wait`, query: { condition: 'removed' }, signal },
  ] as const;
  for (const request of requests) {
    try {
      await requestJson(connection, request);
      return;
    } catch (error) {
      if (isStatus(error, 404) || signal.aborted) return;
      if (!isStatus(error, 409)) throw removalFailure(name, error);
    }
  }
}

function removalFailure(name: string, error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  const message = `the engine does not remove the container ${name} (${error.status}): ${error.message}`;
  return new Failure('ENGINE_FAILED', message, { cause: error });
}
