import { describe, expect, it } from 'vitest';
import { renderRevfile } from '../../../src/plan/build-yml/revfile.js';
import { renderTag, renderTags } from '../../../src/plan/build-yml/tags.js';

const commit = {
  id: '8d4f1c0e6f7a49a7d5e0f4a1c2b3d4e5f6a7b8c9',
  // The last second of January, east of Greenwich already February.
  committedAt: new Date('2026-02-01T00:59:59+01:00'),
  author: 'Ann Example <ann@example.com>',
  message: 'Say what changed\n\nAnd why.\r\nTwice.\n',
};
const branch = (ref: string) => ({ ...commit, ref, refKind: 'branch' as const });
const tag = (ref: string) => ({ ...commit, ref, refKind: 'tag' as const });

describe('renderTag', () => {
  const table: [string, Parameters<typeof renderTag>[1], string | undefined][] = [
    ['latest', commit, 'latest'],
    ['{sha}', commit, commit.id],
    ['{short}-{date}', commit, '8d4f1c0-20260131'],
    ['{branch}', branch('main'), 'main'],
    ['{branch}', branch('feature/Über x'), 'feature--ber-x'],
    ['{branch}', branch('..-.x'), 'x'],
    ['{branch}', branch('-/-'), undefined],
    ['v-{branch}', branch('-/-'), undefined],
    ['{branch}', branch('😀a'), 'a'],
    ['{branch}', tag('v1'), undefined],
    ['{branch}', commit, undefined],
    ['{tag}', tag('v1.2+build'), 'v1.2-build'],
    ['{tag}', branch('main'), undefined],
    ['{tag}-{short}', commit, undefined],
    ['{branch}', branch('x'.repeat(300)), 'x'.repeat(128)],
    ['a-{branch}-{sha}', branch('x'.repeat(120)), `a-${'x'.repeat(120)}-${commit.id.slice(0, 5)}`],
  ];
  it.each(table)('%s of %o', (template, revision, expected) => {
    expect(renderTag(template, revision)).toBe(expected);
  });
});

describe('renderTags', () => {
  it('leaves out what has no value, and says nothing twice', () => {
    expect(renderTags(['{branch}', '{tag}', 'latest', '{branch}', 'main'], branch('main'))).toEqual([
      'main',
      'latest',
    ]);
  });

  it('falls back to the commit id', () => {
    expect(renderTags([], branch('main'))).toEqual([commit.id]);
    expect(renderTags(['{branch}', '{tag}'], commit)).toEqual([commit.id]);
  });
});

it('rev.txt has the fields that roger wrote', () => {
  expect(renderRevfile(branch('main'), 'main')).toBe(`Version: main
Date: 2026-01-31T23:59:59.000Z
Author: Ann Example <ann@example.com>
Sha: 8d4f1c0e6f7a49a7d5e0f4a1c2b3d4e5f6a7b8c9

Commit message:

  Say what changed

  And why.
  Twice.
`);
});
