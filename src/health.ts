import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Space, spaceAt, writeFault } from './adapters/disk.js';
import type { Usage } from './adapters/storage.js';
import type { EngineHealth, Health } from './commands/invocation.js';
import { asFailure, Failure } from './model/errors.js';
import type { Clock, Engine } from './ports.js';

/** Milliseconds that the engine has to say who it is, and that somebody who wants to know it waits where an older answer is there. */
export const [PATIENCE, SOON] = [2_000, 200];

export type HealthOptions = {
  engine: Pick<Engine, 'describe'>;
  clock: Pick<Clock, 'now'>;
  dataDirectory: string;
  usage: () => Usage;
};

/** How the runner's world is. An engine that hangs is asked once at a time and makes nobody wait more than two seconds. */
export function createHealth({ engine, clock, dataDirectory, usage }: HealthOptions): () => Promise<Health> {
  let last: EngineHealth | undefined;
  let asking: Promise<EngineHealth> | undefined;
  const ask = (): Promise<EngineHealth> =>
    (asking ??= askEngine(engine, clock)
      .then((answer) => (last = answer))
      .finally(() => (asking = undefined)));
  return async () => {
    const [fresh, space] = await Promise.all([soon(ask(), last), spaceFor(dataDirectory)]);
    const { used, limit } = usage();
    const caches = { ...(used !== undefined && { used }), limit };
    return { engine: fresh, disk: { ...(space ?? { free: 0, total: 0 }), caches } };
  };
}

/** A directory that is not made yet will lie where the one above it does. */
async function spaceFor(path: string): Promise<(Space & { fault?: string }) | undefined> {
  const found = await spaceAt(path);
  if (found === undefined) return dirname(path) === path ? undefined : await spaceFor(dirname(path));
  const fault = await writeFault(path);
  return { ...found, ...(fault !== undefined && { fault }) };
}

async function askEngine(
  engine: HealthOptions['engine'],
  clock: HealthOptions['clock'],
): Promise<EngineHealth> {
  const checkedAt = clock.now().toISOString();
  try {
    const { name, version } = await withinPatience((signal) => engine.describe(signal));
    return { reachable: true, name, version, checkedAt };
  } catch (error) {
    return { reachable: false, message: asFailure(error).message, checkedAt };
  }
}

async function withinPatience<T>(task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(PATIENCE);
  try {
    return await task(signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Failure('ENGINE_UNREACHABLE', `the engine did not answer within ${PATIENCE / 1000} s`, {
      cause: error,
    });
  }
}

async function soon(answer: Promise<EngineHealth>, last: EngineHealth | undefined): Promise<EngineHealth> {
  if (last === undefined) return await answer;
  const done = new AbortController();
  const late = setTimeout(SOON, last, { signal: done.signal }).catch(() => last);
  try {
    return await Promise.race([answer, late]);
  } finally {
    done.abort();
  }
}
