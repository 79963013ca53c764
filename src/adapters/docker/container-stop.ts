import { setTimeout } from 'node:timers/promises';
import type { StepIO } from '../../ports.js';
import { type Connection, EngineError, requestJson } from './connection.js';
import { cleanUp } from './deadline.js';

/** From TERM to KILL: within two seconds nothing of a cancelled build runs. */
export const GRACE = 1_500;
/** Whoever made the container removes it, whatever state it is in. */
const removed = () => Promise.resolve();
/** From KILL to giving up on the engine. */
export const DEADLINE = 10_000;

/**
 * Ends a container: TERM, KILL if it has not ended soon after, and waits until it has. Never rejects: an engine that does not answer
 * is left alone after a while, with a warning.
 */
export async function stopContainer(
  connection: Connection,
  name: string,
  emit: StepIO['emit'],
): Promise<void> {
  const what = `stop the container ${name}`;
  await cleanUp(connection, { what, emit, ms: GRACE + DEADLINE, later: removed }, async (signal) => {
    const ended = new AbortController();
    const request = (verb: string, query = {}) =>
      requestJson(connection, {
        method: 'POST',
        path: `/containers/${name}/${verb}`,
        query,
        signal,
        patient: true,
      }).catch((error: unknown) => {
        // Else it has ended or gone already.
        if (!(error instanceof EngineError)) throw error;
      });
    const waiting = request('wait').then(() => ended.abort());
    // Whoever waits for it hears of it; one of the others may fail before.
    waiting.catch(() => undefined);
    await request('kill', { signal: 'SIGTERM' });
    await setTimeout(GRACE, undefined, { signal: ended.signal }).catch(() => undefined);
    if (!ended.signal.aborted) await request('kill', { signal: 'SIGKILL' });
    await waiting;
  });
}
