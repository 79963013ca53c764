/** Characters by their code points. */
export type CharacterSet = { has: (code: number) => boolean };

/** One part of a glob; a string stands for itself. */
export type GlobPart =
  | string
  | { kind: 'one'; of: CharacterSet }
  | { kind: 'many'; of: CharacterSet }
  /** Nothing, or any number of directories, each with its slash. */
  | { kind: 'directories' }
  /** All that is left, and the last part. */
  | { kind: 'rest' }
  /** Takes nothing, and that only where the path begins. */
  | { kind: 'start' };

const SLASH = 0x2f;
export const notSlash: CharacterSet = { has: (code) => code !== SLASH };

/**
 * Whether a whole path matches. Of all that a path can be tried with, only what can still change the outcome is: time grows with the
 * path's length times the glob's at worst. `directories` and `rest` stop at a line feed, as `.` of a regular expression does.
 */
export function compileGlob(parts: readonly GlobPart[]): (path: string) => boolean {
  const prefix = textOf(parts.at(0));
  const suffix = textOf(parts.at(-1));
  const body = suffix === '' ? parts : parts.slice(0, -1);
  const aligned = isAligned(parts);
  const severalDirectories =
    parts.filter((part) => typeof part !== 'string' && part.kind === 'directories').length > 1;
  return (path) => {
    if (!path.endsWith(suffix) || !path.startsWith(prefix)) return false;
    const end = path.length - suffix.length;
    const isSimple = aligned && !(severalDirectories && path.includes('\n'));
    const tried = isSimple ? undefined : new Uint8Array(body.length * (end + 1));
    return follow({ parts: body, path, end, tried }, 0, 0) === 'match';
  };
}

// Then the part of the path that lies between two wildcards holds a known number of slashes. The first place where the second one can
// begin is as good as every later one, so that the first need not be tried again.
function isAligned(parts: readonly GlobPart[]): boolean {
  return parts.every((part, index) => {
    if (typeof part === 'string') return true;
    if (part.kind === 'one') return !part.of.has(SLASH);
    if (part.kind === 'many') return part.of === notSlash;
    const before = parts[index - 1] ?? '/';
    return part.kind !== 'directories' || (typeof before === 'string' && before.endsWith('/'));
  });
}

type Walk = {
  parts: readonly GlobPart[];
  path: string;
  end: number;
  /** For what is not aligned: 1 where, by part and place, the parts behind have been followed in vain. */
  tried: Uint8Array | undefined;
};

/**
 * `spent`: the next `many` was reached and took all that it could, so one in front of it cannot help.
 * `hopeless`: `directories` was reached and did, so nothing in front of it can.
 */
type Outcome = 'match' | 'mismatch' | 'spent' | 'hopeless';

function follow(walk: Walk, from: number, start: number): Outcome {
  const { parts, path, end } = walk;
  let at = start;
  for (let index = from; index < parts.length; index++) {
    const part = parts[index]!;
    if (typeof part === 'string') {
      if (at + part.length > end || !path.startsWith(part, at)) return 'mismatch';
      at += part.length;
    } else if (part.kind === 'one') {
      if (at >= end || !part.of.has(path.codePointAt(at)!)) return 'mismatch';
      at = next(path, at);
    } else if (part.kind === 'many') return followMany(walk, index, at);
    else if (part.kind === 'directories') return followDirectories(walk, index, at);
    else if (part.kind === 'rest') return path.includes('\n', at) ? 'mismatch' : 'match';
    else if (at > 0) return 'mismatch';
  }
  return at === end ? 'match' : 'mismatch';
}

function followMany(walk: Walk, index: number, at: number): Outcome {
  const { parts, path, end } = walk;
  const limit = reach(walk, index, at);
  const behind = parts[index + 1];
  if (behind === undefined) return limit === end ? 'match' : inVain(walk, 'spent');
  // Only where the text behind it stands can it end.
  const text = textOf(behind);
  const rest = text === '' ? index + 1 : index + 2;
  for (let place = at; ; place = next(path, place)) {
    if (text !== '') place = path.indexOf(text, place);
    if (place < 0 || place > limit || place + text.length > end || !isNew(walk, index, place)) break;
    const outcome = follow(walk, rest, place + text.length);
    if (outcome === 'match' || outcome === 'hopeless') return outcome;
    if (outcome === 'spent' || place === end) break;
  }
  return inVain(walk, 'spent');
}

function followDirectories(walk: Walk, index: number, at: number): Outcome {
  const { path, end } = walk;
  const lineFeed = path.indexOf('\n', at);
  const limit = lineFeed < 0 ? end : lineFeed;
  for (let place = at, slash; isNew(walk, index, place); place = slash + 1) {
    const outcome = follow(walk, index + 1, place);
    if (outcome === 'match' || outcome === 'hopeless') return outcome;
    slash = path.indexOf('/', place);
    if (slash < 0 || slash >= limit) break;
  }
  return inVain(walk, 'hopeless');
}

// Whoever came by here before has tried this place and all behind it.
function isNew({ tried, end }: Walk, index: number, place: number): boolean {
  if (tried === undefined) return true;
  const at = index * (end + 1) + place;
  if (tried[at] === 1) return false;
  tried[at] = 1;
  return true;
}

function inVain({ tried }: Walk, outcome: 'spent' | 'hopeless'): Outcome {
  return tried === undefined ? outcome : 'mismatch';
}

/** How far the part, a `many`, can go. */
function reach({ parts, path, end }: Walk, index: number, at: number): number {
  const { of } = parts[index] as { of: CharacterSet };
  if (of === notSlash) {
    const slash = path.indexOf('/', at);
    return slash < 0 || slash > end ? end : slash;
  }
  let place = at;
  while (place < end && of.has(path.codePointAt(place)!)) place = next(path, place);
  return place;
}

function next(path: string, at: number): number {
  return at + (path.codePointAt(at)! > 0xffff ? 2 : 1);
}

function textOf(part: GlobPart | undefined): string {
  return typeof part === 'string' ? part : '';
}
