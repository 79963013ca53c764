import { type CharacterSet, compileGlob, type GlobPart, notSlash } from './glob.js';

/** Whether a whole path matches one pattern of a .dockerignore. */
export type PatternMatch = (path: string) => boolean;

/**
 * Compiles a cleaned pattern as `compile` of github.com/moby/patternmatcher, `patternmatcher.go`, does: `*`
 * and `?` stop at a slash, `**` takes any number of directories, a pattern without wildcards is compared as
 * it is. Undefined: Docker refuses it.
 */
export function compilePattern(pattern: string): PatternMatch | undefined {
  if (!WELL_FORMED.test(pattern)) return undefined;
  const tokens = [...pattern.matchAll(TOKEN)].map(([token]) => token);
  const [first = '', ...others] = tokens;
  if (others.every(isPlain)) {
    if (first.startsWith('**')) return suffixMatch(pattern.slice(2));
    if (isPlain(first)) return (path) => path === pattern;
  }
  const last = tokens.at(-1) ?? '';
  if (last.startsWith('**') && tokens.slice(0, -1).every(isPlain)) {
    const prefix = pattern.slice(0, -2);
    return (path) => path.startsWith(prefix);
  }
  const parts = readParts(tokens);
  return parts && compileGlob(parts);
}

// `**` takes the slash behind it, as `**/` and `**` mean the same in front of something.
const TOKEN = /\*\*\/?|\\?[^]/gu;

function isPlain(token: string): boolean {
  return !/^[*?[\]\\]/.test(token);
}

// `**/a` is a name at any depth, and `**a` every path that ends so.
function suffixMatch(suffix: string): PatternMatch {
  const name = suffix.startsWith('/') ? suffix.slice(1) : undefined;
  return (path) => path.endsWith(suffix) || path === name;
}

function readParts(tokens: readonly string[]): GlobPart[] | undefined {
  const parts: GlobPart[] = [];
  for (let at = 0; at < tokens.length;) {
    const read = tokens[at] === '[' ? readClass(tokens, at + 1) : readToken(tokens, at);
    if (read === undefined) return undefined;
    at = read.next;
    const before = parts.at(-1);
    if (typeof read.part === 'string' && typeof before === 'string') parts.splice(-1, 1, before + read.part);
    else if (!(isDirectories(read.part) && isDirectories(before))) parts.push(read.part);
  }
  return parts;
}

type Read = { part: GlobPart; next: number };

function readToken(tokens: readonly string[], at: number): Read {
  const token = tokens[at]!;
  const next = at + 1;
  if (token.startsWith('**'))
    return { part: { kind: next === tokens.length ? 'rest' : 'directories' }, next };
  if (token === '*') return { part: { kind: 'many', of: notSlash }, next };
  if (token === '?') return { part: { kind: 'one', of: notSlash }, next };
  // Docker hands it on as it is to its regular expression.
  if (token === '^') return { part: { kind: 'start' }, next };
  return { part: unescaped(token), next };
}

// What stands between [ and ]. Docker replaces a wildcard here as it does elsewhere: by a class of its own, whose bracket then closes
// both, or by text, whose characters become members.
function readClass(tokens: readonly string[], start: number): Read | undefined {
  const isNegated = tokens[start] === '^';
  const members: string[] = [];
  for (let at = isNegated ? start + 1 : start; at < tokens.length; at++) {
    const token = tokens[at]!;
    const isWildcard = token === '*' || token === '?';
    if (isWildcard) members.push('[', '^', '/');
    if (isWildcard || token === ']') {
      const of = characterSet(members, isNegated);
      return of && { part: { kind: token === '*' ? 'many' : 'one', of }, next: at + 1 };
    }
    if (token.startsWith('**')) members.push('(', '.', '*', '/', ')', '?');
    else members.push(token === '-' ? RANGE : unescaped(token));
  }
  return undefined;
}

const RANGE = '';

/** Undefined where there is nothing in it, or a range that runs backwards. */
function characterSet(members: readonly string[], isNegated: boolean): CharacterSet | undefined {
  const ranges: [number, number][] = [];
  for (let at = 0; at < members.length; at++) {
    const from = members[at]!.codePointAt(0)!;
    if (members[at + 1] === RANGE) at += 2;
    const to = members[at]!.codePointAt(0)!;
    if (to < from) return undefined;
    ranges.push([from, to]);
  }
  if (ranges.length === 0) return undefined;
  const has = (code: number): boolean => {
    for (const [from, to] of ranges) if (from <= code && code <= to) return !isNegated;
    return isNegated;
  };
  return { has };
}

function unescaped(token: string): string {
  return token.length > 1 && token.startsWith('\\') ? token.slice(1) : token;
}

function isDirectories(part: GlobPart | undefined): boolean {
  return typeof part === 'object' && part.kind === 'directories';
}

/**
 * The syntax that Go's path/filepath.Match accepts: closed, non-empty classes, and something behind every
 * backslash.
 */
const ESCAPED = String.raw`\\[^]`;
const MEMBER = String.raw`(?:${ESCAPED}|[^\\\]-])`;
const CLASS = String.raw`\[(?:\^|(?!\^))(?:${MEMBER}(?:-${MEMBER})?)+\]`;
const WELL_FORMED = new RegExp(String.raw`^(?:${ESCAPED}|${CLASS}|[^\\[])*$`, 'u');
