import { Failure } from '../../model/errors.js';
import type { Connection } from './connection.js';
import { type BuildkitChoice, type EngineIdentity, identifyEngine } from './describe.js';

/** Who the engine is, asked when it is needed and remembered while it is there: what comes back after it was away may be another one. */
export type Identity = {
  /** Undefined where it has not been asked since it was away. */
  readonly known: EngineIdentity | undefined;
  /** Rejects as `identifyEngine`. */
  get(signal: AbortSignal): Promise<EngineIdentity>;
  /** Asks in any case. */
  ask(signal: AbortSignal | undefined): Promise<EngineIdentity>;
  /** Gives what a call gives, and forgets who the engine is where the call failed for want of one. */
  watch<T>(call: Promise<T>): Promise<T>;
};

const AWAY: ReadonlySet<string> = new Set(['ENGINE_UNREACHABLE', 'ENGINE_FAILED']);

export function createIdentity(connection: Connection, choice: BuildkitChoice): Identity {
  let known: EngineIdentity | undefined;
  const watch = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      if (error instanceof Failure && AWAY.has(error.code)) known = undefined;
      throw error;
    }
  };
  const ask = async (signal: AbortSignal | undefined): Promise<EngineIdentity> =>
    (known = await watch(identifyEngine(connection, choice, signal)));
  return {
    get known() {
      return known;
    },
    get: async (signal) => known ?? (await ask(signal)),
    ask,
    watch,
  };
}
