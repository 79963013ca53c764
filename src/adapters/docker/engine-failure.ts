import { Failure } from '../../model/errors.js';
import { type Connection, connectionFailure, EngineError } from './connection.js';

/** What a request rejected with, as the caller's failure: ENGINE_FAILED, or ENGINE_UNREACHABLE. `what` follows `the engine cannot`. */
export function engineFailure(connection: Connection, what: string, error: unknown): unknown {
  if (!(error instanceof EngineError)) return connectionFailure(connection, error);
  const { status, message } = error;
  return new Failure('ENGINE_FAILED', `the engine cannot ${what} (${status}): ${message}`, {
    transient: status >= 500,
    cause: error,
  });
}
