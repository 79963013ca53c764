import { asFailure, Failure } from '../../model/errors.js';
import type { StepIO } from '../../ports.js';
import { addressOf, asked, type Connection } from './connection.js';
import { owe, type Removal } from './debts.js';
import { engineFailure } from './engine-failure.js';
import { watchPulse } from './pulse.js';

/** For calls that only name something. A daemon that is stopped accepts them and never answers. */
export const DEADLINE = 10_000;
/** Of an engine that is there: a container of very many files takes its time on a busy disk. */
export const REMOVAL = 60_000;
/** One that is not is left alone much earlier: when it is asked whether it is there, and what it has to answer that. */
const LIVENESS = { silence: DEADLINE / 2, answer: DEADLINE / 2 };

/**
 * Runs calls that have `ms` together. Rejects with ENGINE_UNREACHABLE when that is over, with the reason of `signal` when that
 * aborts, else with what the task rejects with.
 */
export async function withDeadline<T>(
  connection: Connection,
  { ms = DEADLINE, signal }: { ms?: number; signal?: AbortSignal | undefined },
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(ms);
  try {
    return await task(signal === undefined ? deadline : AbortSignal.any([signal, deadline]));
  } catch (error) {
    signal?.throwIfAborted();
    if (!deadline.aborted) throw error;
    const message = `the engine at ${addressOf(connection)} did not answer within ${ms / 1000} s`;
    throw new Failure('ENGINE_UNREACHABLE', message, { cause: error });
  }
}

/**
 * Removes what a call has made, for as long as the engine lives, a minute at most. Rejects with ENGINE_UNREACHABLE when that is over, else
 * with what the removal rejects with.
 */
export async function withPatience(
  connection: Connection,
  removal: Removal,
  { ms = REMOVAL, liveness = LIVENESS } = {},
): Promise<void> {
  const lost = new AbortController();
  const over = new AbortController();
  const { ask } = asked(connection);
  void watchPulse({ bytes: () => undefined, ask }, over.signal, liveness).then((isLost) => {
    const silence = (liveness.silence + liveness.answer) / 1000;
    const message = `the engine at ${addressOf(connection)} did not answer within ${silence} s`;
    if (isLost) lost.abort(new Failure('ENGINE_UNREACHABLE', message));
  });
  try {
    await withDeadline(connection, { ms, signal: lost.signal }, removal);
  } finally {
    over.abort();
  }
}

/**
 * Runs the end of a call with a deadline of its own, also when the call was aborted. Its trouble is told as a warning: it changes
 * neither what was achieved nor why it failed. `what` follows `the engine cannot`; `later` is what is tried again until it works, where
 * that is not the task itself.
 */
export async function cleanUp(
  connection: Connection,
  { what, emit, ms = REMOVAL, later }: { what: string; emit: StepIO['emit']; ms?: number; later?: Removal },
  task: Removal,
): Promise<void> {
  try {
    await withPatience(connection, task, { ms });
  } catch (error) {
    owe(connection, what, later ?? task);
    const { message } = asFailure(engineFailure(connection, what, error));
    await emit({ type: 'warning', message: `could not ${what}: ${message}` });
  }
}
