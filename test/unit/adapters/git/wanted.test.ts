import { expect, it } from 'vitest';
import { createWanted } from '../../../../src/adapters/git/wanted.js';

it('gives each commit to the first who takes, and none of other places', () => {
  const wanted = createWanted();
  for (const [place, commit] of [
    ['here', 'a'],
    ['here', 'b'],
    ['here', 'c'],
    ['there', 'd'],
  ] as const)
    wanted.add(place, commit);
  expect(wanted.take('here', 'b')).toEqual(['a', 'c']);
  expect(wanted.take('here', 'a')).toEqual([]);
  expect(wanted.take('there', 'd')).toEqual([]);
});

it('forgets who has given up', () => {
  const wanted = createWanted();
  wanted.add('here', 'a');
  wanted.add('here', 'b')[Symbol.dispose]();
  expect(wanted.take('here', 'a')).toEqual([]);
});

it('leaves what is too much for the next one', () => {
  const wanted = createWanted();
  for (let i = 0; i < 40; i++) wanted.add('here', `${i}`);
  expect(wanted.take('here', '0')).toHaveLength(31);
  expect(wanted.take('here', '39')).toHaveLength(7);
});
