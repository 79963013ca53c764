import { Failure } from '../../model/errors.js';
import type { RepositoryUrl } from '../../model/repository.js';

/** Throws DENIED for a repository of the runner's own file system, unless the server allows these. */
export function checkPermitted(
  { kind, display }: RepositoryUrl,
  { allowFileRepositories }: { allowFileRepositories: boolean },
): void {
  if (kind !== 'file' || allowFileRepositories) return;
  throw new Failure('DENIED', `${display}: this runner builds no repositories of its own file system`, {
    hint: 'give an ssh or https URL, or set BUILDBOT_ALLOW_FILE_REPOS',
  });
}
