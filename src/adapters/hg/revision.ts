import { Failure } from '../../model/errors.js';
import type { SourceRevision } from '../../model/source.js';

/** A changeset, and the bookmarks that the remote has on it. */
export type Found = { node: string; bookmarks: readonly string[] };

const FULL_NODE = /^[0-9a-f]{40}$/i;
/** What no branch, bookmark or tag is called (scmutil.checknewlabel), and what a command line would misread. */
const NOT_A_NAME = /^-|^$|^\.$|^\s|\s$|[\p{C}:]/u;
/** The changeset before the first one: of an empty repository, or of the name `null`. */
const NULL_NODE = /^0+$/;

/** Throws REVISION_NOT_FOUND for what no revision can be called, before anybody is asked. */
export function checkRevision(revision: string): void {
  if (!NOT_A_NAME.test(revision) && revision.length <= 1024) return;
  const shown = revision.slice(0, 80).replace(/\p{C}/gu, '?');
  throw new Failure('REVISION_NOT_FOUND', `'${shown}' is no branch, bookmark, tag or changeset id`);
}

/** The id in Mercurial's own spelling, or undefined for what is not a complete id. */
export function fullNode(revision: string): string | undefined {
  return FULL_NODE.test(revision) ? revision.toLowerCase() : undefined;
}

export function isNull({ node }: Found): boolean {
  return NULL_NODE.test(node);
}

/**
 * What `revision`, which was found to mean `found` on `branch`, is: Mercurial looks for a bookmark, a tag, a branch and
 * the beginning of an id, in this order, and lets no tag be called like a branch.
 */
export function nameOf(
  revision: string,
  { node, bookmarks }: Found,
  branch: string,
): Pick<SourceRevision, 'ref' | 'refKind'> {
  if (revision === 'tip') return { ref: branch, refKind: 'branch' };
  if (bookmarks.includes(revision) || revision === branch) return { ref: revision, refKind: 'branch' };
  // A revision number means another changeset in each clone: it names nothing.
  if (node.startsWith(revision.toLowerCase()) || /^\d+$/.test(revision)) return {};
  return { ref: revision, refKind: 'tag' };
}
