import { Failure } from '../../model/errors.js';
import type { RepositoryUrl } from '../../model/repository.js';
import type { Mirror } from './mirror.js';
import type { Remote } from './remote.js';
import {
  abbreviatedId,
  advertisedWith,
  findRef,
  fullId,
  headOf,
  type Advertisement,
  type Target,
} from './revision.js';

export type Place = { repository: RepositoryUrl; remote: Remote; mirror: Mirror; signal: AbortSignal };

/**
 * What `revision` (default: the remote's HEAD) names: a full id as it is, else a tag, else a branch, else the
 * only commit whose id begins so. Rejects with REVISION_NOT_FOUND or REVISION_AMBIGUOUS.
 */
export async function resolveRevision(revision: string | undefined, place: Place): Promise<Target> {
  const { repository, remote } = place;
  const id = revision === undefined ? undefined : fullId(revision);
  if (id !== undefined) return { id };
  const advertisement = await remote.advertise();
  if (revision === undefined) return headOf(advertisement) ?? noDefault(repository, advertisement);
  return findRef(advertisement, revision) ?? (await findCommit(revision, advertisement, place));
}

async function findCommit(revision: string, advertisement: Advertisement, place: Place): Promise<Target> {
  const { repository, remote, mirror, signal } = place;
  const prefix = abbreviatedId(revision);
  if (prefix === undefined) {
    throw new Failure('REVISION_NOT_FOUND', `${repository.display} has no branch or tag '${revision}'`);
  }
  const sha256 = [...advertisement.ids.values()].some((id) => id.length === 64);
  const advertised = advertisedWith(advertisement, prefix);
  const found =
    advertised.length > 0 ? advertised : await mirror.findCommits(prefix, remote, { sha256, signal });
  const [id, second] = found;
  if (id === undefined) {
    throw new Failure(
      'REVISION_NOT_FOUND',
      `${repository.display} has no branch, tag or commit '${revision}'`,
    );
  }
  if (second === undefined) return { id };
  throw new Failure(
    'REVISION_AMBIGUOUS',
    `${found.length} commits of ${repository.display} begin with '${revision}', ${id} and ${second} among them`,
  );
}

function noDefault({ display }: RepositoryUrl, { ids }: Advertisement): never {
  const why = ids.size === 0 ? 'has no commits yet' : 'has no default branch';
  throw new Failure('REVISION_NOT_FOUND', `${display} ${why}`);
}
