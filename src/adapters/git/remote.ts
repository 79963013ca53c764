import { Failure } from '../../model/errors.js';
import type { RepositoryUrl } from '../../model/repository.js';
import type { StepIO } from '../../ports.js';
import { classify, isAbsent, isUnadvertised } from './classify.js';
import { runProgram, type CommandResult } from '../vcs/command.js';
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

export type RemoteSettings = {
  repository: RepositoryUrl;
  /** Made at the first use: a call that needs no network writes no key. */
  environment: () => Promise<NodeJS.ProcessEnv>;
  /** Where git is started, outside of any repository. */
  directory: string;
  proof: { isFresh(): boolean; remember(): void };
  io: StepIO;
};

export function openRemote(settings: RemoteSettings): Remote {
  const { repository, directory, proof } = settings;
  let accepted = false;
  const accept = (): void => {
    accepted = true;
    proof.remember();
  };
  return {
    isProven: () => accepted || proof.isFresh(),
    async advertise() {
      const result = await run(settings, ['ls-remote', '--symref', '--quiet', '--', repository.url], {
        GIT_CEILING_DIRECTORIES: directory,
        GIT_DIR: NO_REPOSITORY,
      });
      if (result.code !== 0) throw await failed(settings, result);
      accept();
      return parseAdvertisement(result.stdout);
    },
    async fetch(store, { options, refspecs }) {
      const args = [...FETCH, ...options, '--', repository.url, ...refspecs];
      const result = await run(settings, args, { GIT_DIR: store });
      const outcome = result.code === 0 ? 'fetched' : outcomeOf(result.stderr);
      if (outcome === undefined) throw await failed(settings, result);
      accept();
      return outcome;
    },
    // The options stand against what a configuration could leave out.
    fetchLarge: (pointers, tree) =>
      run(settings, ['lfs', 'fetch', '--include=', '--exclude=', 'origin', tree], { GIT_DIR: pointers }),
    log: (stderr) => logLines(settings.io, stderr),
  };
}

const NO_REPOSITORY = '/dev/null';

// unpackLimit: objects arrive in a pack or not at all. Loose ones of a fetch that broke off would pass for
// complete.
const FETCH = [
  ...['-c', 'fetch.unpackLimit=1', 'fetch', '--quiet', '--no-tags'],
  ...['--no-write-fetch-head', '--no-auto-maintenance', '--no-recurse-submodules'],
];

async function run(
  { environment, directory, io }: RemoteSettings,
  args: readonly string[],
  extra: NodeJS.ProcessEnv,
): Promise<CommandResult> {
  return await runProgram(['git', ...args], {
    environment: { ...(await environment()), ...extra },
    directory,
    signal: io.signal,
    onLine: (line) => (line.startsWith('remote: ') ? log(io, line) : undefined),
  });
}

function outcomeOf(stderr: string): FetchOutcome | undefined {
  if (isUnadvertised(stderr)) return 'unadvertised';
  return isAbsent(stderr) ? 'absent' : undefined;
}

// What git and ssh themselves said is shown once it is known to have been the end; a refusal that is got
// round is no news.
async function failed({ repository, io }: RemoteSettings, { stderr }: CommandResult): Promise<Failure> {
  await logLines(io, stderr);
  const { code, what, ...details } = classify(stderr);
  return new Failure(code, `${repository.display}: ${what}`, { ...details, cause: stderr });
}

async function logLines(io: StepIO, stderr: string): Promise<void> {
  for (const line of stderr.split(/[\r\n]+/)) {
    if (line !== '' && !line.startsWith('remote: ')) await log(io, line);
  }
}

function log({ emit }: StepIO, line: string): void | Promise<void> {
  return emit({ type: 'log', stream: 'stderr', text: `${line.trimEnd()}\n` });
}
