import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandResult } from '../vcs/command.js';
import { logProgram, remoteFailure, runRemote, type RemoteSettings } from '../vcs/remote.js';
import { classify, isAbsent, isUnadvertised } from './classify.js';
import { parseAdvertisement, type Advertisement } from './revision.js';

/** A forge as one caller sees it. Whatever succeeds proves that the caller may read the repository. */
export interface Remote {
  /** This caller was accepted in this call, or lately. */
  isProven(): boolean;
  /** Asks the forge. Rejects with a Failure of exit 3. */
  advertise(): Promise<Advertisement>;
  /**
   * Fetches `refspecs` into the bare repository `store`. `unadvertised`: the server gives tips alone;
   * `absent`: it has no such object. Rejects with a Failure of exit 3.
   */
  fetch(
    store: string,
    what: { options: readonly string[]; refspecs: readonly string[] },
  ): Promise<FetchOutcome>;
  /**
   * Runs git-lfs for the pointer files of `tree`, in the bare repository `pointers`, whose configuration says where
   * the objects come from and where they go. Gives what it said; what is not there afterwards could not be had.
   */
  fetchLarge(pointers: string, tree: string): Promise<CommandResult>;
  /** Shows the caller what a program said before it failed. */
  log(stderr: string): Promise<void>;
}

export type FetchOutcome = 'fetched' | 'unadvertised' | 'absent';

export function openRemote(settings: RemoteSettings): Remote {
  const { repository, directory, proof, io } = settings;
  let accepted = false;
  const accept = (): void => {
    accepted = true;
    proof.remember();
  };
  return {
    isProven: () => accepted || proof.isFresh(),
    async advertise() {
      const result = await runRemote(
        ['git', 'ls-remote', '--symref', '--quiet', '--', repository.url],
        settings,
        {
          GIT_CEILING_DIRECTORIES: directory,
          GIT_DIR: NO_REPOSITORY,
        },
      );
      if (result.code !== 0) throw await remoteFailure(result.stderr, settings, GIT);
      accept();
      return parseAdvertisement(result.stdout);
    },
    async fetch(store, { options, refspecs }) {
      const args = [...FETCH, ...options, '--', repository.url, ...refspecs];
      let outcome: FetchOutcome | undefined;
      try {
        const result = await runRemote(['git', ...args], settings, { GIT_DIR: store });
        outcome = result.code === 0 ? 'fetched' : outcomeOf(result.stderr);
        if (outcome === undefined) throw await remoteFailure(result.stderr, settings, GIT);
      } finally {
        if (outcome === undefined) await dropHalfPacks(store);
      }
      accept();
      return outcome;
    },
    // The options stand against what a configuration could leave out.
    fetchLarge: (pointers, tree) =>
      runRemote(['git', 'lfs', 'fetch', '--include=', '--exclude=', 'origin', tree], settings, {
        GIT_DIR: pointers,
      }),
    log: (stderr) => logProgram('git', stderr, io),
  };
}

const GIT = { program: 'git', classify } as const;
const NO_REPOSITORY = '/dev/null';

// unpackLimit: objects arrive in a pack or not at all. Loose ones of a fetch that broke off would pass for
// complete.
const FETCH = [
  ...['-c', 'fetch.unpackLimit=1', 'fetch', '--quiet', '--no-tags'],
  ...['--no-write-fetch-head', '--no-auto-maintenance', '--no-recurse-submodules'],
];

/** What a fetch that broke off has got so far: git index-pack leaves it, and only `git gc` would remove it. Nobody else fetches into `store`. */
async function dropHalfPacks(store: string): Promise<void> {
  const directory = join(store, 'objects/pack');
  for (const name of await readdir(directory).catch(() => [])) {
    if (name.startsWith('tmp_')) await rm(join(directory, name), { force: true });
  }
}

function outcomeOf(stderr: string): FetchOutcome | undefined {
  if (isUnadvertised(stderr)) return 'unadvertised';
  return isAbsent(stderr) ? 'absent' : undefined;
}
