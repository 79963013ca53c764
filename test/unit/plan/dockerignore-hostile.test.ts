import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDockerignore } from '../../../src/plan/dockerignore.js';
import { compilePattern } from '../../../src/plan/ignore-pattern.js';

// Each took a regular expression minutes, or centuries.
describe('patterns that can be tried in many ways', () => {
  const name = 'a'.repeat(60);
  it.each<[string, string, string, boolean]>([
    ['stars', `${'*a'.repeat(7)}*b?`, name, false],
    ['stars that match', `${'*a'.repeat(30)}*`, name, true],
    ['many stars', `${'*a'.repeat(2000)}*b?`, 'a'.repeat(4000), false],
    ['stars and classes', `${'*[^x]'.repeat(20)}*b?`, name, false],
    ['many stars and classes', `${'*[^x]'.repeat(500)}*b?`, 'a'.repeat(2000), false],
    ['repeated classes', `${'[a*]'.repeat(20)}?`, name, false],
    ['directories', `${'**/a*/'.repeat(20)}b?`, `${'a/'.repeat(60)}a`, false],
    ['directories that match', `${'**/a*/'.repeat(20)}b?`, `${'a/'.repeat(60)}bc`, true],
    ['directories within names', `${'a**a'.repeat(20)}b?`, `${'aa/'.repeat(60)}a`, false],
    ['directories with line feeds', `${'**/a*/'.repeat(20)}b?`, `${'a\n/'.repeat(60)}a`, false],
  ])('%s', (_, pattern, path, ignored) => {
    expect(compilePattern(pattern)!(path)).toBe(ignored);
  });

  it('a path of many directories', () => {
    expect(parseDockerignore('b')(`${'a/'.repeat(20_000)}a`)).toBe(false);
  });
});

describe('limits', () => {
  const lines = (count: number) => '# comment\n\n' + 'a*\n'.repeat(count);

  it('a thousand patterns', () => {
    expect(parseDockerignore(lines(1000))('ab')).toBe(true);
    expect(() => parseDockerignore(lines(300_000), 'web/.dockerignore')).toThrow(
      expect.objectContaining({
        code: 'DOCKERFILE_INVALID',
        message: 'web/.dockerignore:1003: more than 1000 patterns',
      }),
    );
  });

  it('4096 characters', () => {
    expect(parseDockerignore('a'.repeat(4096))('b')).toBe(false);
    expect(() => parseDockerignore(`b\n${'['.repeat(4097)}`)).toThrow(
      expect.objectContaining({
        code: 'DOCKERFILE_INVALID',
        message: '.dockerignore:2: a pattern of more than 4096 characters',
      }),
    );
  });

  it('32 stars', () => {
    expect(parseDockerignore('*a'.repeat(32))('a'.repeat(32))).toBe(true);
    expect(() => parseDockerignore('*a'.repeat(33))).toThrow(
      expect.objectContaining({
        code: 'DOCKERFILE_INVALID',
        message: '.dockerignore:1: a pattern of more than 32 stars',
      }),
    );
  });

  it('messages', () => {
    expect(() => parseDockerignore('['.repeat(4000))).toThrow(/^.{1,100}$/);
  });
});

// Docker's own translation, for patterns that are short enough for it.
const translations: Record<string, string> = {
  '*': '[^/]*',
  '?': '[^/]',
  '**/': '(?:.*/)?',
  '[^a]': '[^a]',
  '[ab]': '[ab]',
  '[*]': '[[^/]*\\]',
  '[a?]': '[a[^/]\\]',
  '\\*': '\\*',
  '.': '\\.',
  '^': '^',
};

it('property: decides as a regular expression does', () => {
  const token = fc.constantFrom(...Object.keys(translations), ...['a', 'a', 'b', '/', '*', '-', '😀']);
  // A run of stars is read as a whole, and a slash behind another is cleaned away.
  const pattern = fc
    .array(token, { minLength: 2, maxLength: 8 })
    .filter(
      (tokens) => !/\*{3}|\/\/|^\/|\/$/.test(tokens.join('')) && tokens.some((one) => /[*?[]/.test(one)),
    )
    .filter((tokens) => !tokens.some((one, at) => one.endsWith('*') && tokens[at + 1]?.startsWith('*')))
    .filter((tokens) => !tokens.includes('.') || !/(^|\/)\.\.?(\/|$)/.test(tokens.join('')));
  const path = fc
    .array(fc.constantFrom('a', 'a', 'b', '/', 'x', '😀', '\n', '.', '-', ']', '['), {
      minLength: 1,
      maxLength: 10,
    })
    .map((characters) => characters.join(''))
    .filter((text) => !/\/\/|^\/|\/$/.test(text));
  fc.assert(
    fc.property(pattern, fc.array(path, { minLength: 1, maxLength: 8 }), (tokens, paths) => {
      const text = tokens.join('');
      fc.pre(!/^[#!]|^\*\*\/|\*\*$|^\s|\s$/.test(text));
      const expression = new RegExp(`^${tokens.map((one) => translations[one] ?? one).join('')}$`, 'u');
      const ignore = parseDockerignore(text);
      const matches = (one: string) => expression.test(one);
      for (const one of paths) {
        const above = [...one.matchAll(/\//g)].map(({ index }) => one.slice(0, index));
        expect([one, ignore(one)]).toEqual([one, [one, ...above].some(matches)]);
      }
    }),
    { numRuns: 2000 },
  );
});
