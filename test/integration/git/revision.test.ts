import { describe, expect, test } from 'vitest';
import {
  createRepository,
  createSource,
  fetchFrom,
  fileUrl,
  lab,
  readText,
  sshUrl,
  type Repository,
} from './lab.js';

test('no revision is the default branch', async () => {
  const repository = createRepository();
  const id = repository.commit({ file: '1' }, 'one\n\nand a body');
  const { revision, tree } = await fetchFrom(createSource(), sshUrl(repository));
  expect(revision).toEqual({
    id,
    ref: 'main',
    refKind: 'branch',
    committedAt: new Date('2024-05-06T07:08:09Z'),
    author: 'Ada Ä <ada@example.com>',
    message: 'one\n\nand a body',
  });
  expect(await readText(tree, 'file')).toBe('1');
});

describe('a name', () => {
  test('of a branch, a tag, both, and full names', async () => {
    const repository = createRepository();
    const one = repository.commit({ file: '1' });
    repository.git('tag', '--annotate', '--message=x', 'v1');
    repository.git('tag', '--annotate', '--message=x', 'v1-again', 'v1');
    repository.git('tag', 'both');
    repository.git('branch', 'feature/x');
    const two = repository.commit({ file: '2' });
    repository.git('branch', 'both');
    repository.push();
    const source = createSource();
    const resolve = async (name: string): Promise<unknown[]> => {
      const { revision } = await fetchFrom(source, sshUrl(repository), { revision: name });
      return [revision.id, revision.ref, revision.refKind];
    };
    expect(await resolve('main')).toEqual([two, 'main', 'branch']);
    expect(await resolve('feature/x')).toEqual([one, 'feature/x', 'branch']);
    expect(await resolve('v1')).toEqual([one, 'v1', 'tag']);
    expect(await resolve('v1-again')).toEqual([one, 'v1-again', 'tag']);
    expect(await resolve('both')).toEqual([one, 'both', 'tag']);
    expect(await resolve('refs/heads/both')).toEqual([two, 'both', 'branch']);
    expect(await resolve('HEAD')).toEqual([two, 'main', 'branch']);
  });

  test('that looks like an abbreviated id is a name first', async () => {
    const repository = createRepository();
    const one = repository.commit({ file: '1' });
    repository.commit({ file: '2' });
    repository.git('branch', 'deadbeef', one);
    repository.push();
    const { revision } = await fetchFrom(createSource(), fileUrl(repository), { revision: 'deadbeef' });
    expect(revision).toMatchObject({ id: one, ref: 'deadbeef', refKind: 'branch' });
  });

  test.each(['nope', 'feature', '-x', 'a..b', 'main~1', 'ma in', 'main^{tree}'])(
    '%j is not there',
    async (revision) => {
      const repository = createRepository();
      repository.commit({ file: '1' });
      await expect(fetchFrom(createSource(), fileUrl(repository), { revision })).rejects.toMatchObject({
        code: 'REVISION_NOT_FOUND',
        message: expect.stringContaining(revision),
      });
    },
  );

  test('of a tag that is no commit', async () => {
    const repository = createRepository();
    repository.commit({ file: '1' });
    repository.git('tag', 'tree', 'HEAD^{tree}');
    repository.git('tag', '--annotate', '--message=x', 'blob', 'HEAD:file');
    repository.push();
    const source = createSource();
    await expect(fetchFrom(source, sshUrl(repository), { revision: 'tree' })).rejects.toMatchObject({
      code: 'REVISION_NOT_FOUND',
      message: expect.stringMatching(/^[0-9a-f]{40} is a tree, not a commit$/),
    });
    await expect(fetchFrom(source, sshUrl(repository), { revision: 'blob' })).rejects.toMatchObject({
      code: 'REVISION_NOT_FOUND',
      message: expect.stringMatching(/^[0-9a-f]{40} is a blob, not a commit$/),
    });
  });

  test('in a repository without commits', async () => {
    const repository = createRepository();
    await expect(fetchFrom(createSource(), sshUrl(repository))).rejects.toMatchObject({
      code: 'REVISION_NOT_FOUND',
      message: expect.stringContaining('has no commits yet'),
    });
  });
});

describe.each([
  ['protocol version 2', sshUrl],
  ['protocol version 0', ({ name }: Repository) => `${lab.sshV0}/${name}.git`],
])('an id over %s', (_, url) => {
  test('of a tip, of an older commit, and of nothing', async () => {
    const repository = createRepository();
    const old = repository.commit({ file: '1' });
    const tip = repository.commit({ file: '2' });
    const source = createSource();
    for (const [revision, text] of [
      [tip, '2'],
      [old, '1'],
      [old.toUpperCase(), '1'],
    ] as const) {
      const fetched = await fetchFrom(source, url(repository), { revision });
      expect(fetched.revision.id).toBe(revision.toLowerCase());
      expect(fetched.revision.ref).toBeUndefined();
      expect(await readText(fetched.tree, 'file')).toBe(text);
    }
    const absent = '0123456789'.repeat(4);
    await expect(fetchFrom(source, url(repository), { revision: absent })).rejects.toMatchObject({
      code: 'REVISION_NOT_FOUND',
      message: expect.stringContaining(`has no commit ${absent}`),
    });
  });

  test('that is abbreviated', async () => {
    const repository = createRepository();
    const old = repository.commit({ file: '1' });
    const tip = repository.commit({ file: '2' });
    const source = createSource();
    const resolve = async (revision: string): Promise<string> =>
      (await fetchFrom(source, url(repository), { revision })).revision.id;
    expect(await resolve(tip.slice(0, 12))).toBe(tip);
    expect(await resolve(old.slice(0, 12))).toBe(old);
    const newer = repository.commit({ file: '3' });
    repository.commit({ file: '4' });
    expect(await resolve(newer.slice(0, 12).toUpperCase())).toBe(newer);
    await expect(resolve('0123456789abc')).rejects.toMatchObject({ code: 'REVISION_NOT_FOUND' });
    await expect(resolve('abc')).rejects.toMatchObject({ code: 'REVISION_NOT_FOUND' });
  });
});

test('an abbreviated id of several commits is ambiguous', async () => {
  const repository = createRepository();
  repository.commit({ file: '1' });
  const tree = repository.git('rev-parse', 'HEAD^{tree}');
  const seen = new Map<string, string>();
  let [head, twin, prefix] = [repository.git('rev-parse', 'HEAD'), '', ''];
  for (let i = 0; twin === '' && i < 2000; i++) {
    head = repository.git('commit-tree', '-p', head, '-m', String(i), tree);
    prefix = head.slice(0, 4);
    twin = seen.get(prefix) ?? '';
    seen.set(prefix, head);
  }
  repository.git(
    'update-ref',
    'refs/heads/main',
    repository.git('commit-tree', '-p', head, '-m', 'tip', tree),
  );
  repository.push();
  await expect(fetchFrom(createSource(), fileUrl(repository), { revision: prefix })).rejects.toMatchObject({
    code: 'REVISION_AMBIGUOUS',
    message: expect.stringContaining(twin),
  });
});

test('a repository with ids of SHA-256', async () => {
  const repository = createRepository({ format: 'sha256' });
  const old = repository.commit({ 'a/b': '1' });
  const tip = repository.commit({ 'a/b': '2' });
  const source = createSource();
  for (const [revision, id, text] of [
    [undefined, tip, '2'],
    ['main', tip, '2'],
    [old, old, '1'],
    [old.slice(0, 10), old, '1'],
  ] as const) {
    const fetched = await fetchFrom(source, sshUrl(repository), revision === undefined ? {} : { revision });
    expect(fetched.revision.id).toBe(id);
    expect(await readText(fetched.tree, 'a/b')).toBe(text);
  }
});
