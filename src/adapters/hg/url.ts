import { Failure } from '../../model/errors.js';
import type { RepositoryUrl } from '../../model/repository.js';

/**
 * The URL as Mercurial takes it (`hg help urls`): it knows no `user@host:path`, and reads what follows a `#` as a
 * branch. A host is in lower case, so that the login for its origin is found. Throws USAGE.
 */
export function mercurialUrl({ kind, url, origin, display }: RepositoryUrl): string {
  if (url.includes('#')) {
    throw new Failure('USAGE', `${display}: the URL of a Mercurial repository may hold no '#'`, {
      hint: 'name a branch with --revision',
    });
  }
  if (origin !== undefined) return origin + url.replace(/^[^:]+:\/\/[^/]*/, '');
  const [, login, path] = /^(?!ssh:\/\/)([^:]+@(?:\[[^\]]*\]|[^:[]+)):(.*)$/i.exec(url) ?? [];
  if (kind !== 'ssh' || path === undefined) return url;
  // Below the home directory, or with two slashes from the root.
  return `ssh://${login}/${path.replaceAll('%', '%25')}`;
}
