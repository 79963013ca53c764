import { ancestors, type TreeEntry } from '../../model/tree.js';

/** Go's filepath.Match and Docker's pattern syntax. */
const WILDCARD = /[*?[\]\\!]/;

/**
 * The entries that a request for `paths` needs: these, what they hold and the directories above them. Everything, where a path
 * is a pattern or leads through a symlink: sending more than was asked for is always right, less never.
 */
export function selectEntries(entries: readonly TreeEntry[], paths: readonly string[]): readonly TreeEntry[] {
  const wanted = paths.map((path) => path.replace(/^(?:\.?\/)+|(?<!\/)\/+$/g, ''));
  if (wanted.length === 0 || wanted.some((path) => path === '' || path === '.' || WILDCARD.test(path))) {
    return entries;
  }
  const roots = new Set(wanted);
  const above = new Set(wanted.flatMap(ancestors));
  if (entries.some(({ type, path }) => type === 'symlink' && (roots.has(path) || above.has(path)))) {
    return entries;
  }
  return entries.filter(
    ({ path }) => roots.has(path) || above.has(path) || ancestors(path).some((parent) => roots.has(parent)),
  );
}
