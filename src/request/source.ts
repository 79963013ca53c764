import { Failure } from '../model/errors.js';
import { parseRepositoryUrl, type RepositoryUrl, type Vcs } from '../model/repository.js';
import type { Choice, ContextRequest, SourceRequest } from '../model/request.js';
import type { FlagValues } from './parse.js';
import { flagged, wrong } from './values.js';

/** The flags that say what to fetch, or that it comes as `context`. Throws Failure USAGE. */
export function sourceRequest(
  flags: FlagValues,
  context: Omit<ContextRequest, 'kind'> | undefined,
): SourceRequest {
  const repo = flags.one('repo');
  if (context !== undefined) {
    refuseRepositoryFlags(flags);
    return { kind: 'context', ...context };
  }
  if (repo === undefined) {
    throw new Failure('USAGE', '--repo is missing', {
      hint: 'give the URL of the repository, or send a tar with --context -',
    });
  }
  const repository = flagged('repo', () => parseRepositoryUrl(repo));
  const revision = flags.one('revision');
  return {
    kind: 'repository',
    vcs: vcs(repository, flags.one('vcs') as Vcs | undefined),
    url: repository.url,
    ...(revision !== undefined && { revision }),
    acceptNewHostKey: flags.switch('accept-new-host-key'),
    submodules: (flags.one('submodules') ?? 'auto') as Choice,
    lfs: (flags.one('lfs') ?? 'auto') as Choice,
  };
}

const REPOSITORY_FLAGS = [
  'repo',
  'vcs',
  'revision',
  'submodules',
  'lfs',
  'known-hosts',
  'accept-new-host-key',
  'repo-auth-key',
];

function refuseRepositoryFlags(flags: FlagValues): void {
  const stray = REPOSITORY_FLAGS.find((name) => flags.one(name) !== undefined);
  if (stray === undefined) return;
  throw new Failure('USAGE', `--${stray} is about a repository, and --context - is none`, {
    hint: 'give --repo or --context -, not both',
  });
}

function vcs({ vcs: { suggested, demanded } }: RepositoryUrl, given: Vcs | undefined): Vcs {
  if (given === undefined) return suggested;
  if (demanded && given !== suggested) throw wrong('vcs', given, `the URL says ${suggested}`);
  return given;
}
