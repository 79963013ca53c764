import { asFailure, Failure } from '../../model/errors.js';
import type { StepIO } from '../../ports.js';
import { addressOf, type Connection } from './connection.js';
import { owe, type Removal } from './debts.js';
import { engineFailure } from './engine-failure.js';

/** For calls that only name or remove something. A daemon that is stopped accepts them and never answers. */
export const DEADLINE = 10_000;

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
 * Runs the end of a call with a deadline of its own, also when the call was aborted. Its trouble is told as a warning: it changes
 * neither what was achieved nor why it failed. `what` follows `the engine cannot`; `later` is what is tried again until it works, where
 * that is not the task itself.
 */
export async function cleanUp(
  connection: Connection,
  { what, emit, ms = DEADLINE, later }: { what: string; emit: StepIO['emit']; ms?: number; later?: Removal },
  task: Removal,
): Promise<void> {
  try {
    await withDeadline(connection, { ms }, task);
  } catch (error) {
    owe(connection, what, later ?? task);
    const { message } = asFailure(engineFailure(connection, what, error));
    await emit({ type: 'warning', message: `could not ${what}: ${message}` });
  }
}
