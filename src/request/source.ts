import { Failure } from '../model/errors.js';
import { parseRepositoryUrl, type RepositoryUrl, type Vcs } from '../model/repository.js';
import type { Choice, SourceRequest } from '../model/request.js';
import type { FlagValues } from './parse.js';
import { flagged, wrong } from './values.js';

/** The flags that say what to fetch. Throws Failure USAGE. */
export function sourceRequest(flags: FlagValues): SourceRequest {
  const repo = flags.one('repo');
  if (repo === undefined)
    throw new Failure('USAGE', '--repo is missing', { hint: 'give the URL of the repository' });
  const repository = flagged('repo', () => parseRepositoryUrl(repo));
  const revision = flags.one('revision');
  return {
    vcs: vcs(repository, flags.one('vcs') as Vcs | undefined),
    url: repository.url,
    ...(revision !== undefined && { revision }),
    acceptNewHostKey: flags.switch('accept-new-host-key'),
    submodules: (flags.one('submodules') ?? 'auto') as Choice,
    lfs: (flags.one('lfs') ?? 'auto') as Choice,
  };
}

function vcs({ vcs: { suggested, demanded } }: RepositoryUrl, given: Vcs | undefined): Vcs {
  if (given === undefined) return suggested;
  if (demanded && given !== suggested) throw wrong('vcs', given, `the URL says ${suggested}`);
  return given;
}
