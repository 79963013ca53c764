import type { Caller } from '../model/caller.js';
import type { BuildResult } from '../model/result.js';
import { shown } from '../model/shown.js';

/** Who built what, for the operator's log, redacted. `repo` is without a login; `images` have a digest where they were pushed. */
export type Built = { build: string; caller: string; repo: string; revision?: string; images: string[] };

/** Characters of a repository's URL. */
const LONGEST = 300;

export function describeBuilt(
  { id, source, images }: BuildResult,
  { fingerprint }: Pick<Caller, 'fingerprint'>,
  redact: (text: string) => string,
): Built {
  const refs = images.flatMap((image) => image.refs);
  return {
    build: id,
    caller: fingerprint,
    repo: shown(redact(source?.repo ?? '-'), LONGEST),
    ...(source && { revision: source.revision }),
    images: refs.map(({ ref, digest }) => redact(digest === undefined ? ref : `${ref}@${digest}`)),
  };
}
