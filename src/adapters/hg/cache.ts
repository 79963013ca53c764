import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { Failure } from '../../model/errors.js';
import type { RepositoryUrl } from '../../model/repository.js';
import type { Depot, Hold } from '../../ports.js';
import { runProgram, type CommandResult } from '../vcs/command.js';
import { ARCHIVE_PREFIX, DamagedCache } from './archive.js';
import { parseChangeset, type Changeset } from './changeset.js';
import { classify } from './classify.js';
import type { Remote } from './remote.js';
import { createStore, discardStore, storeIdentity } from '../vcs/store.js';
import { mercurialUrl } from './url.js';

/** A changeset that is in the cache; `identity` tells the cache of that moment from what came in its place. */
export type Cached = { changeset: Changeset; identity: string };

/**
 * The cache of one repository: its history, without a work tree. What changes it is done by one at a time, reading
 * needs no turn.
 */
export interface Cache {
  /** Until it is released, nobody removes the cache for want of room. */
  hold(signal: AbortSignal): Promise<Hold>;
  /**
   * Finds `node`, or pulls it. Asks the forge unless `remote` is proven and the changeset is there. Rejects with a
   * Failure of exit 3.
   */
  obtain(node: string, remote: Remote, signal: AbortSignal): Promise<Cached>;
  /** Hands over the changeset's files as a tar stream. Rejects with DamagedCache, also after `consume` has settled. */
  archive(cached: Cached, consume: (tar: Readable) => Promise<void>, signal: AbortSignal): Promise<void>;
  /** Where `dateEntries` remembers what was built. */
  datesFile: string;
  /** Throws the cache away in which `cached` was, unless that was done since. */
  discard(cached: Cached, signal: AbortSignal): Promise<void>;
}

export interface Caches {
  of(repository: RepositoryUrl): Cache;
}

/** Caches are the copies of `depot`, one for each URL. */
export function createCaches(depot: Depot, environment: NodeJS.ProcessEnv): Caches {
  return {
    of(repository) {
      const place = mercurialUrl(repository).replace(/(?<!\/)\/+$/, '');
      const name = createHash('sha256').update(place).digest('hex');
      return createCache({
        directory: join(depot.root, name),
        environment,
        hold: (signal) => depot.hold(name, '', signal),
        alone: (signal, task) => depot.change({ name }, signal, task),
      });
    },
  };
}

type Parts = {
  directory: string;
  environment: NodeJS.ProcessEnv;
  hold: (signal: AbortSignal) => Promise<Hold>;
  alone: <T>(signal: AbortSignal, task: () => Promise<T>) => Promise<T>;
};

function createCache(parts: Parts): Cache {
  const { directory, hold, alone } = parts;
  return {
    hold,
    datesFile: join(directory, '.hg', 'buildbot-dates'),
    async obtain(node, remote, signal) {
      const call = { ...parts, signal };
      const present = await find(node, call);
      if (present === undefined) return await alone(signal, () => pull(node, remote, call));
      if (!remote.isProven() && (await remote.identify(node)) === undefined)
        throw new Failure('REVISION_NOT_FOUND', `the repository has no changeset ${node} any more`);
      return present;
    },
    async archive({ changeset: { id } }, consume, signal) {
      const config = ['--config', 'ui.archivemeta=no'];
      const args = ['archive', ...config, '-t', 'tar', '-r', id, '-p', ARCHIVE_PREFIX, '--no-decode', '-'];
      const { code, stderr } = await local(args, { ...parts, signal, consume });
      if (code !== 0) throw new DamagedCache(`hg archive: ${stderr}`);
    },
    async discard(cached, signal) {
      await alone(signal, async () => {
        if ((await storeIdentity(directory)) === cached.identity) await discardStore(directory);
      });
    },
  };
}

type Call = Parts & { signal: AbortSignal; consume?: (stdout: Readable) => Promise<void> };

async function local(
  args: readonly string[],
  { directory, environment, signal, consume }: Call,
): Promise<CommandResult> {
  return await runProgram(['hg', '-R', directory, ...args], {
    ...{ environment, directory: dirname(directory), signal },
    ...(consume && { consume }),
  });
}

/** The changeset, if it is here. One of damaged history is not. */
async function find(node: string, call: Call): Promise<Cached | undefined> {
  const identity = await storeIdentity(call.directory);
  if (identity === '') return undefined;
  const { code, stdout } = await local(['log', '-r', node, '-T', 'json'], call);
  return code === 0 ? { changeset: parseChangeset(stdout), identity } : undefined;
}

async function pull(node: string, remote: Remote, call: Call): Promise<Cached> {
  const { directory } = call;
  // Somebody may have pulled it while this caller waited for its turn.
  const present = remote.isProven() ? await find(node, call) : undefined;
  if (present !== undefined) return present;
  // A cache that was there before may be the reason for what nobody can explain; it is made anew.
  for (let isFresh = !existsSync(directory); ; isFresh = true) {
    try {
      await createStore(directory, (at) => init(at, call));
      await remote.pull(node, directory);
      const pulled = await find(node, call);
      if (pulled !== undefined) return pulled;
      throw new Failure('SOURCE_FAILED', `changeset ${node} cannot be read after it was pulled`);
    } catch (error) {
      if (isFresh || !(error instanceof Failure) || error.code !== 'SOURCE_FAILED') throw error;
      await discardStore(directory);
    }
  }
}

async function init(at: string, { environment, signal }: Call): Promise<void> {
  const { code, stderr } = await runProgram(['hg', 'init', '--', at], {
    ...{ environment, directory: dirname(at), signal },
  });
  if (code === 0) return;
  const trouble = classify(stderr);
  if (trouble.code === 'DISK_FULL') throw new Failure(trouble.code, trouble.what);
  throw new Failure('SOURCE_FAILED', `hg init: ${stderr}`);
}
