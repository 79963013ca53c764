import { createHash } from 'node:crypto';
import { buildFlags } from './flags.js';
import type { FlagValues } from './parse.js';

/** A value, or of a long one the SHA-256 of its UTF-8, in hexadecimal. */
export type ContentValue = string | { sha256: string };

/** Characters of the longest value that is written out. */
const LONGEST = 1000;

/**
 * The flags of a request that have a say in what is made, and their values as given; a switch has `true`. What `redact` hides is hidden
 * before it is hashed.
 */
export function contentFlags(
  flags: FlagValues,
  redact: (text: string) => string,
): Record<string, readonly ContentValue[]> {
  const names = buildFlags
    .flatMap((group) => group.flags)
    .filter(({ unsigned, secret }) => !unsigned && !secret)
    .map(({ name }) => name)
    .filter((name) => flags.all(name).length > 0);
  const short = (value: string) => shortened(redact(value));
  return Object.fromEntries(names.map((name) => [name, flags.all(name).map(short)]));
}

function shortened(value: string): ContentValue {
  if (value.length <= LONGEST) return value;
  return { sha256: createHash('sha256').update(value).digest('hex') };
}
