import type { StepIO } from '../../ports.js';
import { type Connection, isStatus, requestJson } from './connection.js';
import { cleanUp, withDeadline } from './deadline.js';
import { engineFailure } from './engine-failure.js';

/**
 * Ends a container, whatever state it is in, and removes it with its anonymous volumes. Safe where there is none. Waits for the
 * engine, but not for ever: one that takes longer, for a container of very many files, goes on alone. Rejects with ENGINE_FAILED
 * or ENGINE_UNREACHABLE.
 */
export async function removeContainer(connection: Connection, name: string): Promise<void> {
  try {
    await withDeadline(connection, {}, (signal) => askRemoval(connection, name, signal));
  } catch (error) {
    throw engineFailure(connection, `remove the container ${name}`, error);
  }
}

/** The same as the end of something else: its trouble is a warning. */
export async function cleanUpContainer(connection: Connection, name: string, io: StepIO): Promise<void> {
  const what = `remove the container ${name}`;
  await cleanUp(connection, { what, ...io }, (signal) => askRemoval(connection, name, signal));
}

async function askRemoval(connection: Connection, name: string, signal: AbortSignal): Promise<void> {
  const path = `/containers/${name}`;
  const requests = [
    { method: 'DELETE', path, query: { force: '1', v: '1' }, signal },
    // For 409: somebody else removes it already.
    { method: 'POST', path: `${path}/wait`, query: { condition: 'removed' }, signal },
  ] as const;
  for (const request of requests) {
    try {
      await requestJson(connection, { ...request, patient: true });
      return;
    } catch (error) {
      if (isStatus(error, 404)) return;
      if (!isStatus(error, 409)) throw error;
    }
  }
}
