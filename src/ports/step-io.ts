import type { Emit, StepEvent } from '../model/events.js';

/** What every long call gets: where its output goes and when it must stop. */
export type StepIO = {
  /** Await the answer before reading on: that is how a slow reader slows its own build and nothing else. */
  emit: Emit<StepEvent>;
  /** Once aborted, the call rejects soon (any error will do) and leaves nothing running. */
  signal: AbortSignal;
};
