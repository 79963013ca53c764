import { Failure } from '../model/errors.js';
import { compilePattern, type PatternMatch } from './ignore-pattern.js';

/**
 * Whether a path (relative, `/`-separated) is left out of the context, decided as a walk from the root
 * decides it: what matches a directory matches all below it, and a later `!` pattern brings back what it
 * names, also below a directory that is left out.
 */
export type Ignore = (path: string) => boolean;

type Pattern = { exception: boolean; matches: PatternMatch };

/** Each is compared with each path, which on Linux has at most 4096 bytes; people write a few dozen short ones. */
const MAX_PATTERNS = 1000;
const MAX_LENGTH = 4096;
const MAX_STARS = 32;

/**
 * Reads a .dockerignore as github.com/moby/patternmatcher does (`ignorefile/ignorefile.go` for the lines,
 * `patternmatcher.go`, MatchesUsingParentResults, for the paths). `file` names it in messages. Throws Failure
 * DOCKERFILE_INVALID with file and line.
 */
export function parseDockerignore(text: string, file = '.dockerignore'): Ignore {
  const patterns: Pattern[] = [];
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const trimmed = line.trim();
    if (line.startsWith('#') || trimmed === '') continue;
    const refused = patterns.length === MAX_PATTERNS ? TOO_MANY : excess(trimmed);
    const pattern = refused === undefined ? parsePattern(trimmed) : undefined;
    if (pattern === undefined) {
      const { why, hint } = refused ?? { why: `'${shorten(trimmed)}' is not a pattern`, hint: SYNTAX };
      throw new Failure('DOCKERFILE_INVALID', `${file}:${index + 1}: ${why}`, { hint });
    }
    patterns.push(pattern);
  }
  return createIgnore(patterns);
}

type Refusal = { why: string; hint: string };

const SYNTAX = 'close every [, put something between [ and ], after ! and after \\';
const TOO_MANY: Refusal = {
  why: `more than ${MAX_PATTERNS} patterns`,
  hint: 'name directories instead of the files in them',
};

function excess(pattern: string): Refusal | undefined {
  if (pattern.length > MAX_LENGTH)
    return { why: `a pattern of more than ${MAX_LENGTH} characters`, hint: 'no path is as long as that' };
  if (pattern.split('*').length - 1 > MAX_STARS)
    return { why: `a pattern of more than ${MAX_STARS} stars`, hint: 'write several patterns' };
  return undefined;
}

function parsePattern(trimmed: string): Pattern | undefined {
  const exception = trimmed.startsWith('!');
  const relative = rootless(cleanPath((exception ? trimmed.slice(1) : trimmed).trim()));
  // The sign is part of the path when Docker cleans it once more: '!/' becomes '!'.
  const pattern = exception ? cleanPath(`!${relative}`).slice(1) : relative;
  const matches = pattern === '' ? undefined : compilePattern(pattern);
  return matches && { exception, matches };
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

// Of each directory, the last pattern that decided about it is kept: it decides about all that the directory holds, too, whatever the
// patterns before it say. So each path is compared by its own name only, and only with the patterns that follow.
function createIgnore(patterns: readonly Pattern[]): Ignore {
  if (patterns.length === 0) return () => false;
  const isIgnored = (decider: number) => decider >= 0 && !patterns[decider]!.exception;
  const decide = (path: string, inherited: number): number => {
    let decider = inherited;
    let ignored = isIgnored(inherited);
    for (let i = inherited + 1; i < patterns.length; i++) {
      const { exception, matches } = patterns[i]!;
      if (exception !== ignored || !matches(path)) continue;
      decider = i;
      ignored = !exception;
    }
    return decider;
  };
  const directories = new Map<string, number>([['', -1]]);
  const ofDirectory = (path: string): number => {
    const unknown: string[] = [];
    let decider: number | undefined;
    for (let at = path; (decider = directories.get(at)) === undefined; at = parentOf(at)) unknown.push(at);
    for (const directory of unknown.reverse()) {
      decider = decide(directory, decider);
      directories.set(directory, decider);
    }
    return decider;
  };
  return (path) => isIgnored(decide(path, ofDirectory(parentOf(path))));
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

function rootless(path: string): string {
  return path.length > 1 && path.startsWith('/') ? path.slice(1) : path;
}

/** What Go's path/filepath.Clean does on Unix; the empty path stays empty. */
function cleanPath(path: string): string {
  if (path === '') return '';
  const rooted = path.startsWith('/');
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!rooted) kept.push('..');
  }
  return (rooted ? '/' : '') + kept.join('/') || '.';
}
