import { join } from 'node:path';
import type { Logger } from 'pino';
import { createClock } from './adapters/clock.js';
import { createDockerContainers } from './adapters/docker/containers.js';
import { createDockerContexts } from './adapters/docker/contexts.js';
import { createDockerEngine } from './adapters/docker/engine.js';
import { createGitSource } from './adapters/git/source.js';
import { createHgSource } from './adapters/hg/source.js';
import { createLocks } from './adapters/locks.js';
import { createNotifier } from './adapters/notify/notifier.js';
import { createRunner, type Runner } from './adapters/runner.js';
import { createS3Artefacts } from './adapters/s3/artefacts.js';
import { loadSecret } from './adapters/secret-file.js';
import { createSource } from './adapters/source.js';
import { createSpools } from './adapters/spool.js';
import { createWorkspaces } from './adapters/workspace.js';
import type { Config } from './config.js';
import type { Workspaces } from './ports.js';
import type { Ports } from './run/execution.js';
import { createRunnerEngine, type RunnerEngine } from './runner-engine.js';
import { createStocks } from './stocks.js';
import { everyMinute, sweep } from './sweep.js';

/** The adapters of one process, and what only the root does with them. */
export type World = {
  ports: Ports;
  runner: Runner;
  runnerEngine: RunnerEngine;
  /** For the files of sessions, which most commands need no engine for: `ports` have those of builds. */
  workspaces: Workspaces;
  storage: ReturnType<typeof createStocks>['storage'];
  /** Removes what dead runners left on disk. */
  sweepFiles(): Promise<void>;
  /** For servers: what makes their locks quicker. */
  layBy(): Promise<void>;
  /** Removes what these runners left in the engine. */
  sweepDead(ended: readonly string[]): Promise<void>;
  /** What builds of this process left in an engine of ours that died under them. */
  sweepOwn(): Promise<void>;
  /** Resolves when no lock is on its way. */
  settled(): Promise<void>;
};

/** `answer` is what this process says to others of its data directory. */
export function createWorld(
  config: Config,
  environment: NodeJS.ProcessEnv,
  { log, answer }: { log: Logger; answer: (question: string) => Promise<string> },
): World {
  const { dataDirectory, allowFileRepositories, knownHosts, accessTtl: accessTtlMs, publicUrl } = config;
  const clock = createClock();
  const spools = createSpools();
  const runner = createRunner(dataDirectory, answer);
  const locks = createLocks({ directory: join(dataDirectory, 'locks'), runner });
  const runnerEngine = createRunnerEngine(config, environment, log);
  const { connection } = runnerEngine;
  const lendings = join(dataDirectory, 'lendings');
  const parts = { config, environment, runner, locks, runnerEngine, log };
  const { mirrors, clones, caches, storage } = createStocks(parts);
  const repositories = { allowFileRepositories, knownHosts, accessTtlMs, clock, environment };
  const containers = createDockerContainers({ ...config.containers, connection, runner: runner.id });
  const workspaces = registering(
    runner,
    createWorkspaces({ scratch: join(dataDirectory, 'scratch'), runner }),
  );
  const onLeft = (error: unknown) =>
    log.warn({ err: error }, 'could not remove the files that a dead runner had left');
  const sweepFiles = async (): Promise<void> => {
    try {
      await workspaces.sweep();
      await locks.sweep();
    } catch (error) {
      onLeft(error);
    }
  };
  const sweeping = { connection, lendings, locks, log };
  const sweepDead = (ended: readonly string[]) => sweep(ended, { ...sweeping, runner });
  const sweepNowAndThen = everyMinute(async () => {
    const dead = await runner.dead();
    await sweepFiles();
    if (dead.length > 0) await sweepDead(dead);
  }, onLeft);
  const ports: Ports = {
    source: createSource({
      git: createGitSource({ ...repositories, depot: mirrors }),
      hg: createHgSource({ ...repositories, depot: clones, spools }),
    }),
    engine: createDockerEngine({
      ...{ buildkit: config.buildkit, connection, locks },
      lendings: { directory: lendings, runner: runner.id },
      contextSecret: () => loadSecret(join(dataDirectory, 'context-secret')),
    }),
    containers,
    contexts: createDockerContexts({
      ...{ connection, containers, runner: runner.id, limits: config.contexts },
    }),
    caches,
    spools,
    storage: { ...storage, collect: () => (storage.collect(), sweepNowAndThen()) },
    artefacts: createS3Artefacts(),
    notifier: createNotifier({ clock }),
    workspaces: waiting(runnerEngine, workspaces),
    clock,
    runner: runner.id,
    ...(publicUrl !== undefined && { publicUrl }),
  };
  return {
    ...{ ports, runner, runnerEngine, workspaces, storage, sweepFiles, sweepDead },
    sweepOwn: () => sweep([runner.id], sweeping),
    layBy: () => locks.layBy(),
    settled: () => locks.settled(),
  };
}

/** Nothing carries the runner's name before a build has its workspace. */
function registering(runner: Runner, workspaces: Workspaces): Workspaces {
  return {
    ...workspaces,
    async create(build) {
      await runner.register();
      return workspaces.create(build);
    },
  };
}

/** No build has one while an engine of ours is away. */
function waiting(runnerEngine: RunnerEngine, workspaces: Workspaces): Workspaces {
  return {
    ...workspaces,
    async create(build) {
      await runnerEngine.ready();
      return workspaces.create(build);
    },
  };
}
