import { expect, test } from 'vitest';
import { ancestors } from '../../../src/model/tree.js';

test.each([
  ['a', []],
  ['a/b/c', ['a', 'a/b']],
  ['__proto__/constructor/x', ['__proto__', '__proto__/constructor']],
])('the directories above %s', (path, expected) => {
  expect(ancestors(path)).toEqual(expected);
});

test('the directories above a path of twenty thousand', () => {
  expect(ancestors(`${'a/'.repeat(20_000)}b`)).toHaveLength(20_000);
});
