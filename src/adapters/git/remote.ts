import { Failure } from '../../model/errors.js';
import type { RepositoryUrl } from '../../model/repository.js';
import type { StepIO } from '../../ports.js';
import { classify, isAbsent, isUnadvertised } from './classify.js';
import { runGit, type CommandResult } from './command.js';
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
  return await runGit(args, {
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
  for (const line of stderr.split(/[\r\n]+/)) {
    if (line !== '' && !line.startsWith('remote: ')) await log(io, line);
  }
  const { code, what, ...details } = classify(stderr);
  return new Failure(code, `${repository.display}: ${what}`, { ...details, cause: stderr });
}

function log({ emit }: StepIO, line: string): void | Promise<void> {
  return emit({ type: 'log', stream: 'stderr', text: `${line.trimEnd()}\n` });
}
