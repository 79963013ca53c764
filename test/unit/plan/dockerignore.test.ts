import { describe, expect, test } from 'vitest';
import { parseDockerignore } from '../../../src/plan/dockerignore.js';

const paths = [
  'a',
  'a/b',
  'a/b/c.txt',
  'a.txt',
  'b',
  'b/a',
  'b/a.txt',
  'node_modules/x',
  'src/node_modules/x',
  'ü😀',
];

describe('what is ignored', () => {
  test.each<[string, string[]]>([
    ['', []],
    ['# a\n\n   \n', []],
    ['\ufeff# a', []],
    [' # a', []],
    ['a', ['a', 'a/b', 'a/b/c.txt']],
    ['/a/', ['a', 'a/b', 'a/b/c.txt']],
    ['./x/../a\r\n', ['a', 'a/b', 'a/b/c.txt']],
    ['  a  ', ['a', 'a/b', 'a/b/c.txt']],
    ['.', []],
    ['/', []],
    ['..', []],
    ['../a', []],
    ['**', paths],
    ['*', paths],
    ['*/a', ['b/a']],
    ['**/a', ['a', 'a/b', 'a/b/c.txt', 'b/a']],
    ['a/**', ['a/b', 'a/b/c.txt']],
    ['a/**/c.txt', ['a/b/c.txt']],
    ['**/c.*', ['a/b/c.txt']],
    ['**.txt', ['a/b/c.txt', 'a.txt', 'b/a.txt']],
    ['?', ['a', 'a/b', 'a/b/c.txt', 'b', 'b/a', 'b/a.txt']],
    ['ü?', ['ü😀']],
    ['[a]', ['a', 'a/b', 'a/b/c.txt']],
    ['[^a]', ['b', 'b/a', 'b/a.txt']],
    ['[a-b]', ['a', 'a/b', 'a/b/c.txt', 'b', 'b/a', 'b/a.txt']],
    ['\\a.txt', ['a.txt']],
    ['a\\.txt', ['a.txt']],
    ['a+', []],
    ['*\n!a', ['a.txt', 'b', 'b/a', 'b/a.txt', 'node_modules/x', 'src/node_modules/x', 'ü😀']],
    ['a\n!a/b/c.txt', ['a', 'a/b']],
    ['a\n!a/b\na/b/*.txt', ['a', 'a/b/c.txt']],
    ['**/node_modules', ['node_modules/x', 'src/node_modules/x']],
    ['**/node_modules\n!src', ['node_modules/x', 'src/node_modules/x']],
    ['! a', []],
  ])('%j', (text, ignored) => {
    const ignore = parseDockerignore(text);
    expect(paths.filter((path) => ignore(path))).toEqual(ignored);
  });
});

test.each(['[', '[a', '[]', '[]a]', '[a-]', '[-a]', '[b-a]', 'a\\', '!', '! ', '!/', '[^]'])(
  'Docker refuses the pattern %j, and so do we, with its place',
  (pattern) => {
    expect(() => parseDockerignore(`ok\n${pattern}`, 'web/.dockerignore')).toThrow(
      expect.objectContaining({
        code: 'DOCKERFILE_INVALID',
        message: expect.stringMatching(/^web\/\.dockerignore:2: '.*' is not a pattern$/),
      }),
    );
  },
);
