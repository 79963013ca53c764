import { join } from 'node:path';
import type { Logger } from 'pino';
import { createDepot } from './adapters/depot.js';
import { createBuildCache } from './adapters/docker/build-cache.js';
import { createCaches } from './adapters/docker/caches.js';
import { trimGitMirror } from './adapters/git/source.js';
import type { Runner } from './adapters/runner.js';
import { createStorage } from './adapters/storage.js';
import type { Config } from './config.js';
import type { Depot, Locks, Stock } from './ports.js';
import type { RunnerEngine } from './runner-engine.js';

export type StorageParts = {
  config: Config;
  environment: NodeJS.ProcessEnv;
  runner: Runner;
  locks: Locks;
  runnerEngine: RunnerEngine;
  log: Logger;
};

/** All that is kept for later builds, and what bounds it. */
export function createStocks({ config, environment, runner, locks, runnerEngine, log }: StorageParts) {
  const { dataDirectory, cacheLimit: limit, engineCache } = config;
  const { connection, isOurs } = runnerEngine;
  const shared = { dataDirectory, locks, runner };
  const mirrors: Depot & Stock = createDepot({
    ...shared,
    kind: 'git',
    trim: (name) => trimGitMirror(mirrors, name, environment),
  });
  const clones = createDepot({ ...shared, kind: 'hg' });
  const family = () => runner.family();
  const caches = createCaches({ connection, directory: join(dataDirectory, 'caches'), locks, family });
  const collects = engineCache === 'collect' || (engineCache === 'auto' && isOurs);
  const storage = createStorage({
    ...{ dataDirectory, limit },
    stocks: [mirrors, clones, caches, ...(collects ? [createBuildCache(connection)] : [])],
    onRemoved: (removed, why) => log.info({ removed }, `removed what was used least lately: ${why}`),
    onTrouble: (error) => log.warn({ err: error }, 'could not collect what is cached'),
  });
  return { mirrors, clones, caches, storage };
}
