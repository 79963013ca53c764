import { Failure } from '../../model/errors.js';

/** What a remote offers: full ref names to object ids; `HEAD` is one of them. */
export type Advertisement = {
  ids: ReadonlyMap<string, string>;
  /** Where HEAD points, a full ref name. */
  head: string | undefined;
};

/** An object to fetch, and the branch or tag that named it. */
export type Target = { id: string; ref?: string; refKind?: 'branch' | 'tag' };

const FULL_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i;
const ABBREVIATED_ID = /^[0-9a-f]{4,63}$/i;
/** git-check-ref-format(1), and what a command line would misread. */
const NOT_A_NAME = /^-|^$|[\p{C}\u0020~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$/u;

/** Throws REVISION_NOT_FOUND for what no revision can be called, before anybody is asked. */
export function checkRevision(revision: string): void {
  if (!NOT_A_NAME.test(revision) && revision.length <= 1024) return;
  const shown = revision.slice(0, 80).replace(/\p{C}/gu, '?');
  throw new Failure('REVISION_NOT_FOUND', `'${shown}' is neither a branch, a tag nor a commit id`);
}

/** The id in git's own spelling, or undefined for what is not a complete id. */
export function fullId(revision: string): string | undefined {
  return FULL_ID.test(revision) ? revision.toLowerCase() : undefined;
}

export function abbreviatedId(revision: string): string | undefined {
  return ABBREVIATED_ID.test(revision) ? revision.toLowerCase() : undefined;
}

/**
 * Parses `git ls-remote --symref`: `ref: NAME\tHEAD`, then `ID\tNAME` lines, where `NAME^{}` is what a tag
 * points to.
 */
export function parseAdvertisement(text: string): Advertisement {
  const ids = new Map<string, string>();
  let head: string | undefined;
  for (const line of text.split('\n')) {
    const [left = '', name = ''] = line.split('\t');
    if (left.startsWith('ref: ')) head = name === 'HEAD' ? left.slice(5) : head;
    else if (FULL_ID.test(left)) ids.set(name, left);
  }
  return { ids, head };
}

/** The default branch. */
export function headOf({ ids, head }: Advertisement): Target | undefined {
  const id = ids.get('HEAD');
  return id === undefined ? undefined : { id, ...(head !== undefined && describe(head)) };
}

/** The ref that `name` means, in the order of gitrevisions(7); a tag gives what it points to. */
export function findRef(advertisement: Advertisement, name: string): Target | undefined {
  if (name === 'HEAD' || name === '@') return headOf(advertisement);
  const candidates = name.startsWith('refs/')
    ? [name]
    : [`refs/${name}`, `refs/tags/${name}`, `refs/heads/${name}`];
  const full = candidates.find((candidate) => advertisement.ids.has(candidate));
  if (full === undefined) return undefined;
  const id = advertisement.ids.get(`${full}^{}`) ?? advertisement.ids.get(full)!;
  return { id, ...describe(full) };
}

/** The objects among the advertised ones whose id begins so; a tag counts as what it points to. */
export function advertisedWith({ ids }: Advertisement, prefix: string): string[] {
  const found = new Set<string>();
  for (const [name, id] of ids) {
    if (id.startsWith(prefix)) found.add(ids.get(`${name}^{}`) ?? id);
  }
  return [...found];
}

function describe(fullName: string): Omit<Target, 'id'> {
  const [, kind, ref] = /^refs\/(heads|tags)\/(.+)$/.exec(fullName) ?? [];
  return ref === undefined ? {} : { ref, refKind: kind === 'heads' ? 'branch' : 'tag' };
}
