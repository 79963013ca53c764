import { expect, test } from 'vitest';
import { selectEntries } from '../../../../src/adapters/buildkit/selection.js';
import { memoryTree } from '../../../fakes/trees.js';

const tree = memoryTree({
  '.dockerignore': '',
  'a/b/c': '',
  'a/b-c': '',
  'a/d': '',
  link: { symlink: 'a' },
  z: '',
});

async function select(...paths: string[]): Promise<string[]> {
  return selectEntries(await tree.entries(), paths).map(({ path }) => path);
}

const all = ['.dockerignore', 'a', 'a/b', 'a/b/c', 'a/b-c', 'a/d', 'link', 'z'];

test.each([
  ['a file', ['.dockerignore'], ['.dockerignore']],
  ['a directory with what it holds', ['./a/b/'], ['a', 'a/b', 'a/b/c']],
  ['several', ['/z', 'a/d'], ['a', 'a/d', 'z']],
  ['what is not there', ['nothing'], []],
  ['no path', [], all],
  ['the root', ['.'], all],
  ['a pattern', ['a/*'], all],
  ['a symlink', ['link'], all],
  ['a way through a symlink', ['link/b'], all],
])('%s', async (_, paths, expected) => {
  expect(await select(...paths)).toEqual(expected);
});

test('a path of very many slashes', async () => {
  expect(await select(`a${'/'.repeat(300_000)}x`)).toEqual(['a']);
});
