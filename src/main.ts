import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import pino, { type Logger } from 'pino';
import { createCaches } from './adapters/docker/caches.js';
import { createDockerContainers } from './adapters/docker/containers.js';
import { createDockerEngine } from './adapters/docker/engine.js';
import { sweepEngine } from './adapters/docker/sweep.js';
import { createGitSource } from './adapters/git/source.js';
import { createHgSource } from './adapters/hg/source.js';
import { createClock } from './adapters/clock.js';
import { createNotifier } from './adapters/notify/notifier.js';
import { createS3Artefacts } from './adapters/s3/artefacts.js';
import { createRunner, type Runner } from './adapters/runner.js';
import { createSource } from './adapters/source.js';
import { createSpools } from './adapters/spool.js';
import { createWorkspaces } from './adapters/workspace.js';
import type { Invocation, Services } from './commands/invocation.js';
import { runCommand } from './commands/run-command.js';
import { readConfig, type Config } from './config.js';
import { asFailure, type Failure } from './model/errors.js';
import { createBuilds } from './run/builds.js';
import { healthcheck } from './healthcheck.js';
import { serve } from './serve.js';

/** The composition root: environment → Config → adapters → doors. */
export async function main(words: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  try {
    const config = readConfig(environment);
    const log = pino({ level: words[0] === 'serve' ? config.logLevel : 'silent' });
    const services = createServices(config, environment, log);
    return await runCommand(invocationHere(words, environment), services);
  } catch (error) {
    const failure = asFailure(error);
    process.stderr.write(`buildbot: ${failure.line}\n`);
    return failure.exitCode;
  }
}

function createServices(config: Config, environment: NodeJS.ProcessEnv, log: Logger): Services {
  const { dataDirectory, allowFileRepositories, knownHosts, accessTtl: accessTtlMs, buildkit } = config;
  const clock = createClock();
  const spools = createSpools();
  const repositories = {
    ...{ dataDirectory, allowFileRepositories, knownHosts, accessTtlMs },
    ...{ clock, environment },
  };
  const runner = createRunner(dataDirectory);
  const { cacheLimit, containers: limits } = config;
  const ports = {
    source: createSource({
      git: createGitSource(repositories),
      hg: createHgSource({ ...repositories, spools }),
    }),
    engine: createDockerEngine({ buildkit }),
    containers: createDockerContainers({ ...limits, runner: runner.id }),
    caches: createCaches({ directory: join(dataDirectory, 'caches'), limit: cacheLimit }),
    spools,
    artefacts: createS3Artefacts(),
    notifier: createNotifier({ clock }),
    workspaces: createWorkspaces({ scratch: join(dataDirectory, 'scratch') }),
    clock,
    runner: runner.id,
  };
  const { maxBuilds, maxQueued, maxTimeout } = config;
  const services: Services = {
    builds: createBuilds(ports, { limits: { maxBuilds, maxQueued }, maxTimeout, onFailure: logFailure(log) }),
    version: packageVersion(),
    onBug: (failure) => logFailure(log)('', failure),
    local: {
      serve: async () => {
        await runner.register();
        await ports.workspaces.sweep();
        await sweepDead(runner, log);
        return serve(config, services, log);
      },
      healthcheck: () => healthcheck(config, ports.engine),
    },
  };
  return services;
}

function invocationHere(words: readonly string[], environment: NodeJS.ProcessEnv): Invocation {
  const gone = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    if (words[0] !== 'serve') process.once(signal, () => gone.abort());
  }
  const { stdin, stdout, stderr } = process;
  return {
    words,
    local: true,
    caller: { fingerprint: 'local', comment: userInfo().username, address: 'local' },
    environment: new Map(
      Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    stdin,
    stdout,
    stderr,
    signal: gone.signal,
  };
}

/** Removes what dead runners have left in the engine. One that does not answer now is asked again at the next start. */
async function sweepDead(runner: Runner, log: Logger): Promise<void> {
  try {
    const dead = await runner.dead();
    const swept = await sweepEngine(dead);
    for (const id of dead) await runner.forget(id);
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
