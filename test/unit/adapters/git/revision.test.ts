import { describe, expect, test } from 'vitest';
import {
  advertisedWith,
  checkRevision,
  findRef,
  headOf,
  parseAdvertisement,
} from '../../../../src/adapters/git/revision.js';

const id = (digit: string): string => digit.repeat(40);
const advertisement = parseAdvertisement(
  [
    'ref: refs/heads/main\tHEAD',
    `${id('1')}\tHEAD`,
    `${id('1')}\trefs/heads/main`,
    `${id('2')}\trefs/heads/both`,
    `${id('3')}\trefs/heads/feature/x`,
    `${id('4')}\trefs/tags/both`,
    `${id('5')}\trefs/tags/v1`,
    `${id('6')}\trefs/tags/v1^{}`,
    `${id('7')}\trefs/pull/7/head`,
    '',
  ].join('\n'),
);

test('the default is where HEAD points', () => {
  expect(headOf(advertisement)).toEqual({ id: id('1'), ref: 'main', refKind: 'branch' });
  expect(headOf(parseAdvertisement(`${id('1')}\tHEAD\n`))).toEqual({ id: id('1') });
  expect(headOf(parseAdvertisement(''))).toBeUndefined();
});

describe('a name', () => {
  test.each([
    ['main', { id: id('1'), ref: 'main', refKind: 'branch' }],
    ['HEAD', { id: id('1'), ref: 'main', refKind: 'branch' }],
    ['feature/x', { id: id('3'), ref: 'feature/x', refKind: 'branch' }],
    ['both', { id: id('4'), ref: 'both', refKind: 'tag' }],
    ['heads/both', { id: id('2'), ref: 'both', refKind: 'branch' }],
    ['refs/heads/both', { id: id('2'), ref: 'both', refKind: 'branch' }],
    ['v1', { id: id('6'), ref: 'v1', refKind: 'tag' }],
    ['pull/7/head', { id: id('7') }],
    ['refs/pull/7/head', { id: id('7') }],
    ['x', undefined],
    ['refs/main', undefined],
  ])('%s', (name, target) => {
    expect(findRef(advertisement, name)).toEqual(target);
  });
});

test('an abbreviated id among the advertised ones counts a tag as what it points to', () => {
  expect(advertisedWith(advertisement, '1111')).toEqual([id('1')]);
  expect(advertisedWith(advertisement, '5555')).toEqual([id('6')]);
  expect(advertisedWith(advertisement, '9999')).toEqual([]);
});

describe('no revision can be called', () => {
  test.each([
    '',
    '-x',
    '--upload-pack=x',
    'a b',
    'a..b',
    'a~1',
    'a^',
    'a:b',
    'a?',
    'a*',
    'a[',
    'a\\',
    'a\n',
    '@{1}',
    '/a',
    'a/',
    'a//b',
    'a\u009b',
    'a\u202eb',
  ])('%j', (name) => {
    expect(() => checkRevision(name)).toThrow(expect.objectContaining({ code: 'REVISION_NOT_FOUND' }));
  });
});
