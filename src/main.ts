import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import pino, { type Logger } from 'pino';
import { createDockerEngine } from './adapters/docker/engine.js';
import { createGitSource } from './adapters/git/source.js';
import { createClock } from './adapters/clock.js';
import { createWorkspaces } from './adapters/workspace.js';
import type { Invocation, Services } from './commands/invocation.js';
import { runCommand } from './commands/run-command.js';
import { readConfig, type Config } from './config.js';
import { asFailure } from './model/errors.js';
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
  const ports = {
    source: createGitSource({
      dataDirectory,
      allowFileRepositories,
      knownHosts,
      accessTtlMs,
      clock,
      environment,
    }),
    engine: createDockerEngine({ buildkit }),
    workspaces: createWorkspaces({ scratch: join(dataDirectory, 'scratch') }),
    clock,
  };
  const { maxBuilds, maxQueued, maxTimeout } = config;
  const services: Services = {
    builds: createBuilds(ports, { limits: { maxBuilds, maxQueued }, maxTimeout }),
    version: packageVersion(),
    onBug: (failure) => log.error({ err: failure.cause ?? failure }, 'a bug in buildbot'),
    local: {
      serve: async () => {
        await ports.workspaces.sweep();
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

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
