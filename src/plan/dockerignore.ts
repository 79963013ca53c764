import { Failure } from '../model/errors.js';
import { compilePattern, type PatternMatch } from './ignore-pattern.js';

/**
 * Whether a path (relative, `/`-separated) is left out of the context, decided as a walk from the root
 * decides it: what matches a directory matches all below it, and a later `!` pattern brings back what it
 * names, also below a directory that is left out.
 */
export type Ignore = (path: string) => boolean;

type Pattern = { exception: boolean; matches: PatternMatch };

/**
 * Reads a .dockerignore as github.com/moby/patternmatcher does (`ignorefile/ignorefile.go` for the lines,
 * `patternmatcher.go`, MatchesUsingParentResults, for the paths). `file` names it in messages. Throws Failure
 * DOCKERFILE_INVALID with file and line.
 */
export function parseDockerignore(text: string, file = '.dockerignore'): Ignore {
  const patterns = text
    .replace(/^\ufeff/, '')
    .split('\n')
    .flatMap((line, index) => parseLine(line, `${file}:${index + 1}`));
  return createIgnore(patterns);
}

function parseLine(line: string, place: string): Pattern[] {
  if (line.startsWith('#') || line.trim() === '') return [];
  const trimmed = line.trim();
  const exception = trimmed.startsWith('!');
  const relative = rootless(cleanPath((exception ? trimmed.slice(1) : trimmed).trim()));
  // The sign is part of the path when Docker cleans it once more: '!/' becomes '!'.
  const pattern = exception ? cleanPath(`!${relative}`).slice(1) : relative;
  const matches = pattern === '' ? undefined : compilePattern(pattern);
  if (matches === undefined) {
    throw new Failure('DOCKERFILE_INVALID', `${place}: '${trimmed}' is not a pattern`, {
      hint: 'close every [, put something between [ and ], after ! and after \\',
    });
  }
  return [{ exception, matches }];
}

// Which patterns matched a directory is kept for what is in it, so that each path is compared by its own name
// only.
function createIgnore(patterns: readonly Pattern[]): Ignore {
  if (patterns.length === 0) return () => false;
  const directories = new Map<string, Uint8Array>();
  const ofDirectory = (path: string): Uint8Array => {
    let found = directories.get(path);
    if (found === undefined) {
      found = new Uint8Array(patterns.length);
      evaluate(path, found);
      directories.set(path, found);
    }
    return found;
  };
  const evaluate = (path: string, own?: Uint8Array): boolean => {
    const slash = path.lastIndexOf('/');
    const above = slash < 0 ? undefined : ofDirectory(path.slice(0, slash));
    let ignored = false;
    for (let i = 0; i < patterns.length; i++) {
      const { exception, matches } = patterns[i]!;
      const inherited = above !== undefined && above[i] === 1;
      if (!inherited && (exception !== ignored || !matches(path))) continue;
      if (own !== undefined) own[i] = 1;
      ignored = !exception;
    }
    return ignored;
  };
  return (path) => evaluate(path);
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
