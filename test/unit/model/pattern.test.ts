import { array, assert as assertProperty, constantFrom, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesList, matchesPattern } from '../../../src/model/pattern.js';

describe('matchesPattern', () => {
  it.each([
    ['', '', true],
    ['*', '', true],
    ['?', '', false],
    ['a*c', 'abbc', true],
    ['a*c', 'abcd', false],
    ['*ab', 'aab', true],
    ['a**b?', 'axxbx', true],
    ['a.c', 'abc', false],
    ['[a]', 'a', false],
  ])('%s %s: %s', (pattern, text, expected) => {
    expect(matchesPattern(pattern, text)).toBe(expected);
  });

  it('is what a regular expression says', () => {
    const words = array(constantFrom('a', 'b', '*', '?'), { maxLength: 9 }).map((all) => all.join(''));
    assertProperty(
      property(words, words, (pattern, text) => {
        const expression = pattern.replace(/\*+/g, '.*').replaceAll('?', '.');
        expect(matchesPattern(pattern, text)).toBe(new RegExp(`^${expression}$`).test(text));
      }),
    );
  });

  it('takes no time for a hostile text', () => {
    expect(matchesPattern('*a*a*a*a*a*a*a*a*a*b', 'a'.repeat(20_000))).toBe(false);
  });
});

it('matchesList takes back what a ! names, wherever it stands', () => {
  const of = (list: string[], text: string) => {
    const fits = (pattern: string) => matchesPattern(pattern, text);
    return matchesList(list, { permits: fits, forbids: fits });
  };
  expect(of(['a*', '!ab'], 'ac')).toBe(true);
  expect(of(['a*', '!ab'], 'ab')).toBe(false);
  expect(of(['!ab', 'a*'], 'ab')).toBe(false);
  expect(of(['!ab'], 'ac')).toBe(false);
  expect(of([], 'ac')).toBe(false);
});
