import { Failure } from '../../model/errors.js';
import type { RepositoryUrl } from '../../model/repository.js';
import type { Remote } from './remote.js';
import { fullNode, isNull, type Found } from './revision.js';

/** `name`: what was asked for, or what the default is called; absent for a complete id. */
export type Target = Found & { name?: string };

/** What `hg clone` would update to, in this order. */
const DEFAULTS = ['@', 'default', 'tip'];

/** The changeset that `revision` means on the remote. Rejects with REVISION_NOT_FOUND or REVISION_AMBIGUOUS. */
export async function resolveRevision(
  revision: string | undefined,
  { repository, remote }: { repository: RepositoryUrl; remote: Remote },
): Promise<Target> {
  const node = revision === undefined ? undefined : fullNode(revision);
  if (node !== undefined) return { node, bookmarks: [] };
  if (revision === undefined) return await findDefault(repository, remote);
  const found = await remote.identify(revision);
  if (found === undefined || isNull(found)) {
    throw new Failure(
      'REVISION_NOT_FOUND',
      `${repository.display} has no branch, bookmark, tag or changeset '${revision}'`,
    );
  }
  return { ...found, name: revision };
}

async function findDefault({ display }: RepositoryUrl, remote: Remote): Promise<Target> {
  for (const name of DEFAULTS) {
    const found = await remote.identify(name);
    if (found !== undefined && !isNull(found)) return { ...found, name };
  }
  throw new Failure('REVISION_NOT_FOUND', `${display} has no changesets yet`);
}
