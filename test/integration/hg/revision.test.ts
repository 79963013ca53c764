import { describe, expect, test } from 'vitest';
import {
  createRepository,
  createSource,
  failureOf,
  fetchFrom,
  fileUrl,
  httpUrl,
  sshUrl,
  type Repository,
} from './lab.js';

/** `one` is tagged v1, `two` is on branch stable with bookmark feature; the tip of default is `three`. */
function history(): { repository: Repository; ids: Record<'one' | 'two' | 'three', string> } {
  const repository = createRepository();
  const one = repository.commit({ a: '1' });
  repository.hg('branch', 'stable branch(1)');
  const two = repository.commit({ a: '2' });
  repository.hg('bookmark', '-r', two, 'feature');
  repository.hg('update', '-q', 'default');
  repository.hg('tag', '-r', one, 'v1');
  const three = repository.hg('log', '-r', 'default', '-T', '{node}');
  return { repository, ids: { one, two, three } };
}

describe.each([
  ['ssh', sshUrl],
  ['http', (repository: Repository) => httpUrl('public', repository)],
  ['file', fileUrl],
])('over %s', (_, urlOf) => {
  test('ids, branches, bookmarks and tags', async () => {
    const { repository, ids } = history();
    const source = createSource();
    const expected: [string | undefined, string, object][] = [
      [undefined, ids.three, { ref: 'default', refKind: 'branch' }],
      ['default', ids.three, { ref: 'default', refKind: 'branch' }],
      ['stable branch(1)', ids.two, { ref: 'stable branch(1)', refKind: 'branch' }],
      ['feature', ids.two, { ref: 'feature', refKind: 'branch' }],
      ['v1', ids.one, { ref: 'v1', refKind: 'tag' }],
      ['tip', ids.three, { ref: 'default', refKind: 'branch' }],
      [ids.one, ids.one, {}],
      [ids.two.toUpperCase(), ids.two, {}],
      [ids.two.slice(0, 12), ids.two, {}],
      ['0', ids.one, {}],
    ];
    for (const [revision, id, name] of expected) {
      const fetched = await fetchFrom(source, urlOf(repository), revision === undefined ? {} : { revision });
      const { ref, refKind } = fetched.revision;
      expect([revision, fetched.revision.id, { ref, refKind }]).toEqual([
        revision,
        id,
        { ref: undefined, refKind: undefined, ...name },
      ]);
    }
  });

  test('what is no name is not evaluated', async () => {
    const { repository } = history();
    const url = urlOf(repository);
    for (const revision of [
      'reverse(all())',
      'user(Ada)',
      'branch(default)',
      'default^',
      'v1::default',
      'all()',
      'file("path:/etc/passwd")',
      '"v1"',
      "'v1'",
      'v1 or feature',
      'nothing',
      'f'.repeat(40),
      'fffffffff',
      'null',
      '.',
      '-1',
      '--config=ui.ssh=touch',
      '--version',
      '',
      'a\nb',
    ]) {
      const failure = await failureOf(url, { revision });
      expect([revision, failure.code, failure.exitCode]).toEqual([revision, 'REVISION_NOT_FOUND', 3]);
    }
  });
});

test('the default is what hg clone takes: the bookmark @ before the branch', async () => {
  const { repository, ids } = history();
  repository.hg('bookmark', '-r', ids.one, '@');
  expect((await fetchFrom(createSource(), sshUrl(repository))).revision).toMatchObject({
    ...{ id: ids.one, ref: '@', refKind: 'branch' },
  });
});

test('a repository without the branch default, and one without anything', async () => {
  const repository = createRepository();
  repository.hg('branch', 'main');
  const id = repository.commit({ a: 'a' });
  expect((await fetchFrom(createSource(), sshUrl(repository))).revision).toMatchObject({ id, ref: 'main' });
  expect(await failureOf(sshUrl(createRepository()))).toMatchObject({
    code: 'REVISION_NOT_FOUND',
    message: expect.stringContaining('has no changesets yet'),
  });
});

test('an id that begins like another one', async () => {
  const repository = createRepository();
  const ids = Array.from({ length: 18 }, (_, i) => repository.commit({ a: String(i) }));
  const prefix = ids
    .map((id) => id[0]!)
    .find((digit, i) => /[a-f]/.test(digit) && ids.some((id, j) => j !== i && id[0] === digit))!;
  expect(await failureOf(sshUrl(repository), { revision: prefix })).toMatchObject({
    code: 'REVISION_AMBIGUOUS',
  });
});

test('a name moves', async () => {
  const repository = createRepository();
  repository.commit({ a: '1' });
  const source = createSource();
  await fetchFrom(source, sshUrl(repository));
  const id = repository.commit({ a: '2' });
  expect((await fetchFrom(source, sshUrl(repository))).revision.id).toBe(id);
});
