import { existsSync } from 'node:fs';
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { simpleGit, type SimpleGit } from 'simple-git';
import { createStore, discardStore, storeIdentity } from '../vcs/store.js';

/** One bare repository of the cache. What it must not lose has a ref `refs/buildbot/COMMIT`. */
export interface Store {
  /** Its git directory. */
  directory: string;
  exists(): boolean;
  /** Tells it from one that was made in its place; empty where there is none. */
  identity(): Promise<string>;
  /** Makes it where it is not there. */
  create(): Promise<void>;
  /** Whether `commit` is kept here with all that belongs to it; it counts as used now. */
  touch(commit: string): Promise<boolean>;
  /** Keeps an object that came with another one; false: it is not here. */
  keep(commit: string): Promise<boolean>;
  /** The objects whose id begins with `prefix`. */
  idsWith(prefix: string): Promise<string[]>;
  /**
   * Drops what was used least lately, but nothing that `inUse` names, which is asked again for each, and packs
   * anew what lies in too many packs.
   */
  tidy(inUse: () => Promise<ReadonlySet<string>>, keep?: Kept): Promise<void>;
  /** Throws it away with all that it holds. Safe when it is gone already. */
  discard(): Promise<void>;
}

export const KEPT = 'refs/buildbot/';
/** Milliseconds for what git does in the mirror alone. */
export const ADMINISTRATION = 600_000;
type Kept = { revisions: number; packs: number };
/** Each fetch leaves a pack, and each pack makes looking up slower. */
const KEPT_COMMONLY: Kept = { revisions: 50, packs: 50 };
/** Where room is short. */
export const KEPT_AT_LEAST: Kept = { revisions: 10, packs: 1 };
/** Other processes may read what a moment ago had a ref. */
const UNREACHABLE_STAYS = '2.hours.ago';

export function openStore(
  directory: string,
  { environment, sha256 }: { environment: NodeJS.ProcessEnv; sha256: boolean },
): Store {
  const refs = join(directory, KEPT);
  const git = (): SimpleGit => administration(directory, environment);
  return {
    directory,
    exists: () => existsSync(directory),
    identity: () => storeIdentity(directory),
    create: () => createStore(directory, (at) => init(at, sha256 ? 'sha256' : 'sha1')),
    touch: (commit) => succeeds(utimes(join(refs, commit), new Date(), new Date())),
    keep: (commit) => succeeds(git().raw(['update-ref', KEPT + commit, commit])),
    idsWith: async (prefix) =>
      (await git().raw(['rev-parse', `--disambiguate=${prefix}`])).split('\n').filter((id) => id !== ''),
    async tidy(inUse, keep = KEPT_COMMONLY) {
      for (const commit of await oldest(refs, keep.revisions, await inUse())) {
        await git().raw(['update-ref', '-d', KEPT + commit]);
        // Who holds it first and then finds it here may have done both meanwhile; who holds it later finds nothing.
        if ((await inUse()).has(commit)) await git().raw(['update-ref', KEPT + commit, commit]);
      }
      if ((await packs(directory)) <= keep.packs) return;
      await git().raw(['repack', '-a', '-d', '-q', '--cruft', `--cruft-expiration=${UNREACHABLE_STAYS}`]);
    },
    discard: () => discardStore(directory),
  };
}

/**
 * An empty bare repository as `git init --bare --template=` makes it (gitrepository-layout(5); the format of the ids is
 * extensions.objectFormat of git-config(1)): the first build of a repository waits for one process less.
 */
async function init(at: string, format: 'sha1' | 'sha256'): Promise<void> {
  const isSha1 = format === 'sha1';
  const config = [
    ...['[core]', `repositoryformatversion = ${isSha1 ? 0 : 1}`, 'filemode = true', 'bare = true'],
    ...(isSha1 ? [] : ['[extensions]', `objectformat = ${format}`]),
  ];
  for (const directory of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags'])
    await mkdir(join(at, directory), { recursive: true });
  await writeFile(join(at, 'config'), `${config.join('\n')}\n`);
  await writeFile(join(at, 'HEAD'), 'ref: refs/heads/main\n');
}

async function oldest(refs: string, kept: number, inUse: ReadonlySet<string>): Promise<string[]> {
  const commits = await readdir(refs);
  if (commits.length <= kept) return [];
  const dated = await Promise.all(
    commits.map(async (commit) => ({ commit, usedAt: (await stat(join(refs, commit))).mtimeMs })),
  );
  dated.sort((a, b) => b.usedAt - a.usedAt);
  return dated
    .slice(kept)
    .map(({ commit }) => commit)
    .filter((commit) => !inUse.has(commit));
}

async function packs(directory: string): Promise<number> {
  return (await readdir(join(directory, 'objects/pack'))).filter((name) => name.endsWith('.pack')).length;
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return await work.then(
    () => true,
    () => false,
  );
}

// simple-git refuses variables that could change what git does until each is named; these are ours.
function administration(directory: string, environment: NodeJS.ProcessEnv): SimpleGit {
  const variables = { ...environment, GIT_DIR: directory };
  return simpleGit({
    baseDir: directory,
    timeout: { block: ADMINISTRATION },
    allowEnvironment: Object.keys(variables),
    unsafe: { allowUnsafeConfigPaths: true, allowUnsafeTemplateDir: true },
  }).env(variables);
}
