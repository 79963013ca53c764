import { onAbort } from '../../model/abort.js';
import { asFailure, Failure } from '../../model/errors.js';
import type { StepIO } from '../../ports.js';
import { addressOf, asked, type Connection } from './connection.js';
import { owe, type Removal } from './debts.js';
import { engineFailure } from './engine-failure.js';
import { watchEngine } from './request-limits.js';

/** For calls that the engine answers at once: a daemon that is stopped accepts them and never answers. */
export const DEADLINE = 10_000;
/** For a name or a removal, of an engine that is there: it writes, and a disk may be busy; a container may have very many files. */
export const PATIENCE = 60_000;
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

type Patience = {
  /** Of the build: nobody waits long for one that was cancelled. */
  signal?: AbortSignal | undefined;
  ms?: number;
  liveness?: typeof LIVENESS;
};

/**
 * Runs what an engine does soon or not at all: given up on after `ms`, and earlier where the engine answers nobody, or the build is
 * cancelled. Rejects with ENGINE_UNREACHABLE then, else with what the task rejects with.
 */
export async function withPatience(
  connection: Connection,
  task: (signal: AbortSignal) => Promise<void>,
  { signal, ms = PATIENCE, liveness = LIVENESS }: Patience = {},
): Promise<void> {
  const enough = new AbortController();
  const { address, ask } = asked(connection);
  const giveUp = (waited: number) => {
    const message = `the engine at ${address} did not answer within ${waited / 1000} s`;
    enough.abort(new Failure('ENGINE_UNREACHABLE', message));
  };
  const watch = watchEngine(ask, () => giveUp(liveness.silence + liveness.answer), liveness);
  let hurry: NodeJS.Timeout | undefined;
  const onCancelled = () => (hurry = setTimeout(giveUp, DEADLINE, DEADLINE));
  using _build = signal && onAbort(signal, onCancelled);
  try {
    await withDeadline(connection, { ms, signal: enough.signal }, task);
  } finally {
    watch.end();
    clearTimeout(hurry);
  }
}

type Ending = Patience & {
  /** Follows `the engine cannot`. */
  what: string;
  emit: StepIO['emit'];
  /** What is tried again until it works, where that is not the task itself. */
  later?: Removal;
};

/**
 * Runs the end of a call with patience of its own, also when the call was aborted. Its trouble is told as a warning: it changes
 * neither what was achieved nor why it failed.
 */
export async function cleanUp(
  connection: Connection,
  { what, emit, later, ...patience }: Ending,
  task: Removal,
): Promise<void> {
  try {
    await withPatience(connection, task, patience);
  } catch (error) {
    owe(connection, what, later ?? task);
    const { message } = asFailure(engineFailure(connection, what, error));
    await emit({ type: 'warning', message: `could not ${what}: ${message}` });
  }
}
