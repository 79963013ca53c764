import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import pino, { type Logger } from 'pino';
import { createDepot } from './adapters/depot.js';
import { createBuildCache } from './adapters/docker/build-cache.js';
import { createCaches } from './adapters/docker/caches.js';
import { createDockerContexts } from './adapters/docker/contexts.js';
import { createDockerContainers } from './adapters/docker/containers.js';
import { createDockerEngine } from './adapters/docker/engine.js';
import { sweepEngine } from './adapters/docker/sweep.js';
import { createGitSource, trimGitMirror } from './adapters/git/source.js';
import { createHgSource } from './adapters/hg/source.js';
import { createClock } from './adapters/clock.js';
import { createLocks } from './adapters/locks.js';
import { createNotifier } from './adapters/notify/notifier.js';
import { createS3Artefacts } from './adapters/s3/artefacts.js';
import { createRunner, type Runner } from './adapters/runner.js';
import { createSource } from './adapters/source.js';
import { createSpools } from './adapters/spool.js';
import { createStorage } from './adapters/storage.js';
import { createWorkspaces } from './adapters/workspace.js';
import type { Invocation, Services } from './commands/invocation.js';
import { runCommand } from './commands/run-command.js';
import { reportStatus } from './commands/status.js';
import { readConfig, type Config } from './config.js';
import { asFailure, type Failure } from './model/errors.js';
import { allRights } from './model/rights.js';
import { createBuilds } from './run/builds.js';
import { createHealth } from './health.js';
import { healthcheck } from './healthcheck.js';
import { localTerminal } from './local-terminal.js';
import type { Depot, Stock, Workspaces } from './ports.js';
import { serve } from './serve.js';

/** The composition root: environment → Config → adapters → doors. */
export async function main(words: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  try {
    const config = readConfig(environment);
    const log = pino({ level: words[0] === 'serve' ? config.logLevel : 'silent' });
    const { services, finish } = createServices(config, environment, log);
    const invocation = invocationHere(words, environment);
    const exitCode = await runCommand(invocation, services);
    await finish(invocation);
    return exitCode;
  } catch (error) {
    const failure = asFailure(error);
    process.stderr.write(`buildbot: ${failure.line}\n`);
    return failure.exitCode;
  }
}

/** What commands work on, and what is to be awaited after the last of them. */
type Composition = { services: Services; finish: (last: Invocation) => Promise<void> };

function createServices(config: Config, environment: NodeJS.ProcessEnv, log: Logger): Composition {
  const { dataDirectory, allowFileRepositories, knownHosts, accessTtl: accessTtlMs, buildkit } = config;
  const clock = createClock();
  const spools = createSpools();
  const repositories = {
    ...{ allowFileRepositories, knownHosts, accessTtlMs },
    ...{ clock, environment },
  };
  let answer = async (_question: string): Promise<string> => '';
  const runner = createRunner(dataDirectory, (question) => answer(question));
  const locks = createLocks({ directory: join(dataDirectory, 'locks'), runner });
  const shared = { dataDirectory, locks, runner };
  const mirrors: Depot & Stock = createDepot({
    ...shared,
    kind: 'git',
    trim: (name) => trimGitMirror(mirrors, name, environment),
  });
  const clones = createDepot({ ...shared, kind: 'hg' });
  const lendings = join(dataDirectory, 'lendings');
  const { cacheLimit, containers: containerLimits, publicUrl } = config;
  const caches = createCaches({
    directory: join(dataDirectory, 'caches'),
    locks,
    family: () => runner.family(),
  });
  const storage = createStorage({
    ...{ dataDirectory, limit: cacheLimit },
    stocks: [mirrors, clones, caches, ...(config.engineCache === 'collect' ? [createBuildCache()] : [])],
    onRemoved: (removed, why) => log.info({ removed }, `removed what was used least lately: ${why}`),
    onTrouble: (error) => log.warn({ err: error }, 'could not collect what is cached'),
  });
  const containers = createDockerContainers({ ...containerLimits, runner: runner.id });
  const ports = {
    source: createSource({
      git: createGitSource({ ...repositories, depot: mirrors }),
      hg: createHgSource({ ...repositories, depot: clones, spools }),
    }),
    engine: createDockerEngine({ buildkit, lendings: join(lendings, runner.id) }),
    containers,
    contexts: createDockerContexts({ containers, runner: runner.id, limits: config.contexts }),
    caches,
    spools,
    storage: { ...storage, collect: () => (storage.collect(), sweepNowAndThen()) },
    artefacts: createS3Artefacts(),
    notifier: createNotifier({ clock }),
    workspaces: registering(runner, createWorkspaces({ scratch: join(dataDirectory, 'scratch'), runner })),
    clock,
    runner: runner.id,
    ...(publicUrl !== undefined && { publicUrl }),
  };
  const sweepAll = async (): Promise<void> => {
    await ports.workspaces.sweep();
    await locks.sweep();
    await sweep(await runner.dead(), { runner, lendings, log });
  };
  const sweepNowAndThen = everyMinute(async () => {
    if ((await runner.dead()).length > 0) await sweepAll();
  });
  const { maxBuilds, maxQueued, maxTimeout, stepTimeouts } = config;
  const limits = { maxBuilds, maxQueued };
  const services: Services = {
    builds: createBuilds(ports, { limits, maxTimeout, stepTimeouts, onFailure: logFailure(log) }),
    version: packageVersion(),
    startedAt: clock.now(),
    health: createHealth({ engine: ports.engine, clock, dataDirectory, usage: () => storage.usage() }),
    onBug: (failure) => logFailure(log)('', failure),
    local: {
      serve: async () => {
        await runner.register();
        answer = async (question) =>
          question === 'status' ? JSON.stringify(await reportStatus(services)) : '';
        await sweepAll();
        storage.collect();
        return serve(config, services, { log, workspaces: ports.workspaces });
      },
      healthcheck: () => healthcheck(config, { engine: ports.engine, runner, stdout: process.stdout }),
    },
  };
  return {
    services,
    async finish({ words, signal }) {
      await Promise.race([storage.settled(), aborted(signal)]);
      // A server is known by its name until the next start; the names of single builds would pile up.
      if (words[0] === 'serve' || !runner.registered()) return;
      await locks.settled();
      await sweep([...(await runner.dead()), runner.id], { runner, lendings, log });
    },
  };
}

/** Begins the task unless that was done less than a minute ago, or by now: at the start of a process it has been. */
function everyMinute(task: () => Promise<void>): () => void {
  let begunAt = performance.now();
  return () => {
    if (performance.now() - begunAt < 60_000) return;
    begunAt = performance.now();
    void task().catch(() => undefined);
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

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function invocationHere(words: readonly string[], environment: NodeJS.ProcessEnv): Invocation {
  const gone = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    if (words[0] !== 'serve') process.once(signal, () => gone.abort());
  }
  const { stdin, stdout, stderr } = process;
  const socket = environment['SSH_AUTH_SOCK'] ?? '';
  const terminal = localTerminal(process, environment['TERM'] ?? '');
  return {
    words,
    local: true,
    caller: { fingerprint: 'local', comment: userInfo().username, address: 'local', rights: allRights },
    environment: new Map(
      Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    ...(socket !== '' && { agent: { socket } }),
    ...(terminal && { terminal }),
    stdin,
    stdout,
    stderr,
    signal: gone.signal,
  };
}

/** Removes what runners that have ended left in the engine. What cannot be removed now is tried again at the next start. */
async function sweep(
  ended: readonly string[],
  { runner, lendings, log }: { runner: Runner; lendings: string; log: Logger },
): Promise<void> {
  const onTrouble = (error: unknown) =>
    log.warn({ err: error }, 'could not remove what a dead runner had left');
  try {
    const { clean, ...swept } = await sweepEngine(ended, { lendings, onTrouble });
    for (const id of clean) await runner.forget(id);
    if (swept.containers + swept.images > 0) log.info(swept, 'swept what a dead runner had left');
  } catch (error) {
    log.warn({ err: error }, 'could not sweep the engine');
  }
}

/** What the caller is not told stands here: the cause. A bug of ours is an error, all else is somebody's build. */
function logFailure(log: Logger): (id: string, failure: Failure) => void {
  return (build, failure) => {
    const details = {
      ...(build !== '' && { build }),
      code: failure.code,
      ...(failure.cause !== undefined && { err: failure.cause }),
    };
    if (failure.code === 'INTERNAL') log.error(details, 'a bug in buildbot');
    else log.info(details, 'build failed');
  };
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
