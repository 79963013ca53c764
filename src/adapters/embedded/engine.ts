import { mkdir, rm, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { onAbort } from '../../model/abort.js';
import { Failure } from '../../model/errors.js';
import { ask } from './ask.js';
import { makeBridge, removeBridge } from './bridge.js';
import { type Daemon, type End, startDaemon } from './daemon.js';
import { createGate } from './gate.js';
import { removeGroups } from './groups.js';
import { type Places, placesOf } from './places.js';
import { endPredecessor } from './predecessor.js';
import { engineSettings } from './settings.js';

/** Milliseconds that dockerd has until it answers. */
export const PATIENCE = 60_000;
/** Milliseconds that a build waits for an engine that comes back. */
export const BUILD_PATIENCE = 30_000;
/** Milliseconds before a new start: the first, doubled with each death that follows soon, and the longest. */
const BACK_OFF = { first: 250, longest: 30_000 };
/** Milliseconds of life after which a death is the first in a row. */
const STABLE = 60_000;

export type EngineEvent =
  | { kind: 'line'; line: string }
  | { kind: 'predecessor' }
  | { kind: 'up'; pid: number }
  | { kind: 'storage'; driver: string }
  | { kind: 'died'; reason: string; lastLines: readonly string[]; restartIn: number };

export type EmbeddedOptions = {
  /** Its engine's data is below it; one runner to a data directory. */
  dataDirectory: string;
  /** What the operator's daemon.json has beside ours. */
  settings: Readonly<Record<string, unknown>>;
  environment: NodeJS.ProcessEnv;
  onEvent: (event: EngineEvent) => void;
  /** Awaited when the engine is back after a death, before builds go on. Never rejects. */
  onReturn: () => Promise<void>;
};

export interface EmbeddedEngine extends AsyncDisposable {
  /** Resolves when the engine answers; rejects with ENGINE_UNREACHABLE where it does not come back within half a minute. */
  ready(): Promise<void>;
}

/**
 * Starts a dockerd that belongs to this process, and starts it again whenever it dies. Resolves when it answers. Rejects with
 * CONFIG_INVALID where a right is missing, and with ENGINE_UNREACHABLE where dockerd ends instead of answering. Disposing ends it, with
 * all that it runs.
 */
export async function startEmbeddedEngine(options: EmbeddedOptions): Promise<EmbeddedEngine> {
  const places = placesOf(options.dataDirectory);
  const settings = engineSettings(places, options.settings);
  if (await endPredecessor(places)) options.onEvent({ kind: 'predecessor' });
  const stopping = new AbortController();
  const gate = createGate();
  const kept = keep({ options, places, settings, gate, signal: stopping.signal });
  const stop = async () => {
    stopping.abort();
    await kept;
    await cleanUp(places);
  };
  const first = await Promise.race([gate.passed(2 * PATIENCE), kept]);
  if (first !== true) {
    await stop();
    throw notStarted(
      first || { reason: 'it does not answer', lastLines: [], refused: false, ranFor: 2 * PATIENCE },
    );
  }
  return {
    async ready() {
      if (await gate.passed(BUILD_PATIENCE)) return;
      throw new Failure('ENGINE_UNREACHABLE', 'the engine of this runner has ended, and is not back yet', {
        hint: 'try again; the log of the runner knows more',
      });
    },
    [Symbol.asyncDispose]: stop,
  };
}

type Keeping = {
  options: EmbeddedOptions;
  places: Places;
  settings: object;
  gate: ReturnType<typeof createGate>;
  signal: AbortSignal;
};

/** One life after the other, until the signal; or until the first has ended without an answer: then that end. Never rejects. */
async function keep(keeping: Keeping): Promise<End | undefined> {
  const { options, places, gate, signal } = keeping;
  for (let deaths = 0, lives = 0; !signal.aborted; lives++) {
    const end = await live(keeping, lives === 0);
    const wasUp = await gate.passed(0);
    gate.close();
    if (signal.aborted) return undefined;
    if (lives === 0 && !wasUp) return end;
    deaths = wasUp && end.ranFor > STABLE ? 1 : deaths + 1;
    const restartIn = Math.min(BACK_OFF.first * 2 ** (deaths - 1), BACK_OFF.longest);
    options.onEvent({ kind: 'died', reason: end.reason, lastLines: end.lastLines, restartIn });
    await tell(places, `has ended (${end.reason}), ${deaths} in a row, and is started again`);
    await wait(restartIn, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

/** One life of the engine, from its start to its end. The gate is open from its first answer on. Never rejects. */
async function live({ options, places, settings, gate, signal }: Keeping, isFirst: boolean): Promise<End> {
  const { environment, onEvent, onReturn } = options;
  try {
    await prepare(places, settings);
    const onLine = (line: string) => onEvent({ kind: 'line', line });
    const daemon = await startDaemon({ places, environment, onLine });
    const stop = () => void daemon.stop();
    using _abort = onAbort(signal, stop);
    if (signal.aborted || !(await answersInTime(daemon))) stop();
    else {
      if (isFirst) await checkStorage(places, onEvent);
      else await onReturn();
      onEvent({ kind: 'up', pid: daemon.pid });
      await tell(places, 'is up');
      gate.open();
    }
    const end = await daemon.ended;
    await daemon.stop();
    return end;
  } catch (error) {
    return { reason: (error as Error).message, lastLines: [], refused: false, ranFor: 0 };
  }
}

/** Without overlayfs dockerd takes a driver that copies whole layers, and says so nowhere. */
async function checkStorage({ socket }: Places, onEvent: EmbeddedOptions['onEvent']): Promise<void> {
  const { Driver: driver } = JSON.parse((await ask(socket, '/info')) ?? '{}') as { Driver?: string };
  if (driver === 'vfs') onEvent({ kind: 'storage', driver });
}

async function answersInTime({ answered }: Daemon): Promise<boolean> {
  const timer = new AbortController();
  const late = wait(PATIENCE, false, { signal: timer.signal }).catch(() => false);
  const inTime = await Promise.race([answered, late]);
  timer.abort();
  return inTime;
}

async function prepare(places: Places, settings: object): Promise<void> {
  await rm(places.runDirectory, { recursive: true, force: true });
  await mkdir(places.runDirectory, { recursive: true, mode: 0o700 });
  await mkdir(places.dataRoot, { recursive: true, mode: 0o710 });
  await writeFile(`${places.runDirectory}/daemon.json`, JSON.stringify(settings), { mode: 0o600 });
  await tell(places, 'is starting');
  await makeBridge(places.bridge);
}

async function cleanUp(places: Places): Promise<void> {
  await removeBridge(places.bridge);
  await removeGroups(places.cgroup);
  await rm(places.runDirectory, { recursive: true, force: true }).catch(() => undefined);
}

/** For `healthcheck`, which is another process. */
async function tell({ state }: Places, text: string): Promise<void> {
  await writeFile(state, text, { mode: 0o600 }).catch(() => undefined);
}

function notStarted({ reason, lastLines, refused }: End): Failure {
  const last = lastLines.at(-1) ?? '';
  if (refused) {
    return new Failure(
      'CONFIG_INVALID',
      `the runner's own engine cannot start: ${last.replace(/^refused: /, '')}`,
      {
        hint: 'it needs a container with --privileged, or root on a machine',
      },
    );
  }
  return new Failure(
    'ENGINE_UNREACHABLE',
    `the runner's own engine has ended instead of starting (${reason}): ${last}`,
    {
      hint: 'the log of the runner has more of what dockerd said',
      cause: new Error(lastLines.join('\n')),
    },
  );
}
