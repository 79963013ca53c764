import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Invocation, Services } from './commands/invocation.js';
import { reportStatus } from './commands/status.js';
import type { Config } from './config.js';
import { createHealth } from './health.js';
import type { Runner } from './adapters/runner.js';
import { healthcheck } from './healthcheck.js';
import { Failure, mayPass } from './model/errors.js';
import { logFailure, logSuccess } from './operator-log.js';
import { createBuilds } from './run/builds.js';
import { serve } from './serve.js';
import { createWorld, type World } from './world.js';

/** Milliseconds in which other runners of the data directory answer. */
const NEIGHBOURS = 3_000;

/** What commands work on, and what is to be awaited after the last of them. */
export type Composition = { services: Services; finish: (last: Invocation) => Promise<void> };

export function createServices(config: Config, environment: NodeJS.ProcessEnv, log: Logger): Composition {
  const { dataDirectory, maxBuilds, maxQueued, maxTimeout, stepTimeouts } = config;
  let isServing = false;
  const answer = async (question: string): Promise<string> =>
    isServing && question === 'status' ? JSON.stringify(await reportStatus(services)) : '';
  const world = createWorld(config, environment, { log, answer });
  const { ports, runner, runnerEngine, workspaces, storage } = world;
  const { engine, clock } = ports;
  const limits = { maxBuilds, maxQueued };
  const services: Services = {
    builds: createBuilds(ports, {
      ...{ limits, maxTimeout, stepTimeouts },
      onFailure: logFailure(log),
      onSuccess: logSuccess(log),
    }),
    version: packageVersion(),
    startedAt: clock.now(),
    health: createHealth({ engine, clock, dataDirectory, usage: () => storage.usage() }),
    onBug: (failure) => logFailure(log)('', failure),
    local: {
      serve: async () => {
        await runner.register().catch(refuseDirectory);
        isServing = true;
        await world.sweepFiles();
        await world.layBy();
        if (runnerEngine.isOurs) await refuseNeighbours(runner);
        await using _engine = await runnerEngine.start(engine, () => world.sweepOwn());
        await world.sweepDead(await runner.dead());
        storage.collect();
        return await serve(config, services, { log, workspaces });
      },
      askServers: () => askServers(runner),
      healthcheck: () =>
        healthcheck(config, { engine, ownEngine: runnerEngine.status, runner, stdout: process.stdout }),
    },
  };
  return { services, finish: (last) => finish(last, world) };
}

/** What a build is not to blame for is wrong in the settings, where a server starts with it and it will not pass. */
function refuseDirectory(error: unknown): never {
  if (!(error instanceof Failure) || mayPass(error.cause)) throw error;
  const hint = 'the data directory must be writable, and on a file system that has sockets';
  throw new Failure('CONFIG_INVALID', error.message, { hint, cause: error.cause });
}

function askServers(runner: Runner): Promise<readonly string[]> {
  return runner.askOthers('status', AbortSignal.timeout(NEIGHBOURS));
}

/** An engine's data has one dockerd at a time. */
async function refuseNeighbours(runner: Runner): Promise<void> {
  if ((await askServers(runner)).length === 0) return;
  throw new Failure(
    'CONFIG_INVALID',
    'another runner with this data directory is up, and its engine has one runner',
    {
      hint: 'stop that one first, or give this one a BUILDBOT_DATA_DIR of its own',
    },
  );
}

async function finish({ words, signal }: Invocation, world: World): Promise<void> {
  const { runner, storage } = world;
  await Promise.race([storage.settled(), aborted(signal)]);
  // A server is known by its name until the next start; the names of single builds would pile up.
  if (words[0] === 'serve' || !runner.registered()) return;
  await world.settled();
  // Files first: who is forgotten is known by name no more.
  const dead = await runner.dead();
  await world.sweepFiles();
  await world.sweepDead([...dead, runner.id]);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
