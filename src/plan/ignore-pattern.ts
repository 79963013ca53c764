/** Whether a whole path matches one pattern of a .dockerignore. */
export type PatternMatch = (path: string) => boolean;

/**
 * Compiles a cleaned pattern as `compile` of github.com/moby/patternmatcher, `patternmatcher.go`, does: `*`
 * and `?` stop at a slash, `**` takes any number of directories, a pattern without wildcards is compared as
 * it is. Undefined: Docker refuses it.
 */
export function compilePattern(pattern: string): PatternMatch | undefined {
  if (!isWellFormed(pattern)) return undefined;
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
  return regularMatch(tokens);
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

function regularMatch(tokens: readonly string[]): PatternMatch | undefined {
  let source = '';
  let inClass = false;
  tokens.forEach((token, index) => {
    const isLast = index === tokens.length - 1;
    if (token === ']' && !inClass) source += '\\]';
    else source += translate(token, isLast);
    // Docker writes a wildcard's own class into a class that is open, whose bracket then closes both.
    if (token === '[') inClass = true;
    else if (token === ']' || token === '*' || token === '?') inClass = false;
  });
  try {
    const expression = new RegExp(`^${source}$`, 'u');
    return (path) => expression.test(path);
  } catch {
    return undefined; // e.g. a range that runs backwards, which Go's regexp refuses too
  }
}

function translate(token: string, isLast: boolean): string {
  if (token.startsWith('**')) return isLast ? '[^\\n]*' : '(?:[^\\n]*/)?';
  if (token === '*') return '[^/]*';
  if (token === '?') return '[^/]';
  if (token === '[' || token === ']' || token === '^' || token === '-') return token;
  const character = token.length > 1 && token.startsWith('\\') ? token.slice(1) : token;
  return /[\^$\\.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character === '-' ? '\\x2d' : character;
}

/**
 * The syntax that Go's path/filepath.Match accepts: closed, non-empty classes, and something behind every
 * backslash.
 */
function isWellFormed(pattern: string): boolean {
  return WELL_FORMED.test(pattern);
}

const ESCAPED = String.raw`\\[^]`;
const MEMBER = String.raw`(?:${ESCAPED}|[^\\\]-])`;
const CLASS = String.raw`\[(?:\^|(?!\^))(?:${MEMBER}(?:-${MEMBER})?)+\]`;
const WELL_FORMED = new RegExp(String.raw`^(?:${ESCAPED}|${CLASS}|[^\\[])*$`, 'u');
