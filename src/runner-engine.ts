import type { Logger } from 'pino';
import { type EmbeddedEngine, type EngineEvent, startEmbeddedEngine } from './adapters/embedded/engine.js';
import { embeddedStatus } from './adapters/embedded/status.js';
import type { Config } from './config.js';
import { chooseEngine } from './engine-choice.js';
import { Failure } from './model/errors.js';
import type { Engine } from './ports.js';

/** The engine that the runner uses, and its life where it is the runner's own. */
export type RunnerEngine = {
  /** For dockerode; empty: DOCKER_HOST, or the default socket. */
  connection: { socketPath?: string };
  /** It is nobody else's: what it holds may be collected and swept as the runner likes. */
  isOurs: boolean;
  /**
   * For a server: starts the engine where it is ours, else looks whether we may use it. Rejects where the server must not start. Disposing
   * ends what was started.
   */
  start(engine: Engine, onReturn: () => Promise<void>): Promise<AsyncDisposable>;
  /** Resolves when builds may use it; rejects with ENGINE_UNREACHABLE where ours is away for too long. */
  ready(): Promise<void>;
  /** How it is, where it is ours: what follows "the engine of this runner". */
  status: (() => Promise<string>) | undefined;
};

export function createRunnerEngine(
  config: Config,
  environment: NodeJS.ProcessEnv,
  log: Logger,
): RunnerEngine {
  const { kind, connection, refusal } = chooseEngine(config, environment);
  const isOurs = kind === 'embedded';
  const { dataDirectory, engineSettings: settings } = config;
  const onEvent = (event: EngineEvent) => logEvent(event, log);
  let embedded: EmbeddedEngine | undefined;
  return {
    connection,
    isOurs,
    async start(engine, onReturn) {
      if (refusal) throw refusal;
      if (isOurs)
        return (embedded = await startEmbeddedEngine({
          dataDirectory,
          settings,
          environment,
          onEvent,
          onReturn,
        }));
      await refuseForbidden(engine);
      return { [Symbol.asyncDispose]: () => Promise.resolve() };
    },
    ready: async () => embedded?.ready(),
    status: isOurs ? () => embeddedStatus(dataDirectory) : undefined,
  };
}

/** Milliseconds for a look at the engine. */
const LOOK = 5_000;

/** An engine that is away may come back; one whose socket we may not use will not change its mind. */
async function refuseForbidden(engine: Engine): Promise<void> {
  try {
    await engine.describe(AbortSignal.timeout(LOOK));
  } catch (error) {
    const { code } = (error instanceof Failure ? (error.cause ?? {}) : {}) as { code?: unknown };
    if (code === 'EACCES') throw error;
  }
}

function logEvent(event: EngineEvent, log: Logger): void {
  switch (event.kind) {
    case 'line':
      return log.debug({ line: event.line }, 'dockerd');
    case 'predecessor':
      return log.warn({}, 'ended the engine that a dead runner had left');
    case 'up':
      return log.info({ enginePid: event.pid }, 'the engine of this runner is up');
    case 'storage':
      return log.warn(
        { driver: event.driver },
        'the engine copies whole layers: put the data directory on a volume',
      );
    case 'died': {
      const { reason, lastLines, restartIn } = event;
      return log.error(
        { reason, lastLines, restartIn },
        'the engine of this runner has ended; it is started again',
      );
    }
  }
}
