import { setTimeout } from 'node:timers/promises';
import { type Connection, requestJson } from './connection.js';

/** From TERM to KILL. */
const GRACE = 5_000;
/** From KILL to giving up on the engine. */
const DEADLINE = 10_000;

/**
 * Ends a container: TERM, KILL if it has not ended 5 s later, and waits until it has. Never rejects: an engine that does not answer
 * is left alone after a while.
 */
export async function stopContainer(connection: Connection, name: string): Promise<void> {
  const signal = AbortSignal.timeout(GRACE + DEADLINE);
  const ended = new AbortController();
  const request = (verb: string, query = {}) =>
    requestJson(connection, { method: 'POST', path: `/containers/${name}/${verb}`, query, signal }).catch(
      // It has ended or gone already, or the engine has.
      () => undefined,
    );
  const waiting = request('wait').then(() => ended.abort());
  await request('kill', { signal: 'SIGTERM' });
  await setTimeout(GRACE, undefined, { signal: ended.signal }).catch(() => undefined);
  if (!ended.signal.aborted) await request('kill', { signal: 'SIGKILL' });
  await waiting;
}
