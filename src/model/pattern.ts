/** PATTERNS of ssh_config(5): `*` is any number of characters, `?` is one. Time grows with both lengths' product at worst. */
export function matchesPattern(pattern: string, text: string): boolean {
  let [at, seen] = [0, 0];
  // Where the last `*` is, and up to where it reaches: only the last one ever has to be tried again.
  let star: { at: number; reach: number } | undefined;
  while (seen < text.length) {
    if (pattern[at] === '*') {
      star = { at, reach: seen };
      at += 1;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[seen])) {
      at += 1;
      seen += 1;
    } else if (star !== undefined) {
      star.reach += 1;
      at = star.at + 1;
      seen = star.reach;
    } else return false;
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}

export type Match = (pattern: string) => boolean;

/**
 * A pattern-list of ssh_config(5): one of the patterns has to match, and none of those with a `!` in front. `permits` and `forbids` say
 * how a single pattern is compared, without its `!`.
 */
export function matchesList(
  list: readonly string[],
  { permits, forbids }: { permits: Match; forbids: Match },
): boolean {
  if (list.some((entry) => entry.startsWith('!') && forbids(entry.slice(1)))) return false;
  return list.some((entry) => !entry.startsWith('!') && permits(entry));
}
