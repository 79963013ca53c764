import { createHash } from 'node:crypto';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { comparePaths, type FileEntry } from '../../../src/model/tree.js';
import {
  createRepository,
  createSource,
  failureOf,
  fetchFrom,
  fileUrl,
  readAll,
  sshUrl,
  temporaryDirectory,
} from './lab.js';

test('every kind of entry, sorted as a walk meets them, and the revision', async () => {
  const repository = createRepository();
  const id = repository.commit(
    {
      'bin/run': { executable: '#!/bin/sh\n' },
      'bin/link': { symlink: '../bin/rün' },
      'a/b': 'b',
      'a-b': '',
      'a.b': '1',
      'ä/😀': 'x',
      '\ufffd': '',
      'sp ace/-x': 'y',
      [`${'long/'.repeat(40)}name`]: 'z',
    },
    'First Ä\n\nBody',
  );
  const { tree, revision } = await fetchFrom(createSource(), sshUrl(repository));
  expect(revision).toEqual({
    id,
    ref: 'default',
    refKind: 'branch',
    author: 'Ada Ä <ada@example.com>',
    message: 'First Ä\n\nBody',
    committedAt: new Date('2024-05-06T07:08:09Z'),
  });
  const entries = await tree.entries();
  const mtime = revision.committedAt.getTime() / 1000;
  const file = (path: string, content: string, mode = 0o644) => ({
    ...{ type: 'file', path, mode, size: content.length, mtime },
    id: createHash('sha256').update(content).digest('hex'),
  });
  const directory = (path: string) => ({ type: 'directory', path, mode: 0o755, mtime });
  expect(entries.filter(({ path }) => !path.startsWith('long'))).toEqual([
    directory('a'),
    file('a/b', 'b'),
    file('a-b', ''),
    file('a.b', '1'),
    directory('bin'),
    { type: 'symlink', path: 'bin/link', target: '../bin/rün', mtime },
    file('bin/run', '#!/bin/sh\n', 0o755),
    directory('sp ace'),
    file('sp ace/-x', 'y'),
    directory('ä'),
    file('ä/😀', 'x'),
    file('\ufffd', ''),
  ]);
  expect(entries.map(({ path }) => path)).toEqual(entries.map(({ path }) => path).sort(comparePaths));
});

test('files are read in any order, any number of times, after the forge has gone', async () => {
  const repository = createRepository();
  const names = Array.from({ length: 300 }, (_, i) => `d${i % 7}/f${i}`);
  repository.commit(Object.fromEntries(names.map((name) => [name, name.repeat(50)])));
  const dataDirectory = temporaryDirectory();
  const { tree } = await fetchFrom(createSource({ dataDirectory }), fileUrl(repository));
  rmSync(repository.directory, { recursive: true });
  rmSync(join(dataDirectory, 'hg'), { recursive: true });
  const expected = new Map(names.map((name) => [name, Buffer.from(name.repeat(50))]));
  const [one, two] = await Promise.all([readAll(tree), readAll(tree)]);
  expect(one).toEqual(expected);
  expect(two).toEqual(expected);
  const files = (await tree.entries()).filter((entry): entry is FileEntry => entry.type === 'file').reverse();
  const given: string[] = [];
  for await (const { entry } of tree.read(files)) given.push(entry.path);
  expect(given).toEqual(files.map(({ path }) => path));
});

describe('what is left out or refused', () => {
  test('subrepositories: a warning, and with yes a failure', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    // As a hostile client could: nobody asks whether it is there.
    repository.hg('init', 'sub');
    writeFileSync(join(repository.directory, 'sub/x'), 'x');
    repository.hg('-R', 'sub', 'commit', '-A', '-m', 'sub');
    repository.commit({ '.hgsub': 'sub = sub\n' });
    const warnings: string[] = [];
    const { tree } = await fetchFrom(createSource(), fileUrl(repository), { warnings });
    expect(warnings).toEqual(['the source names subrepositories in .hgsub, which are not fetched']);
    expect([...(await readAll(tree)).keys()]).toEqual(['.hgsub', '.hgsubstate', 'a']);
    const scratch = temporaryDirectory();
    expect(await failureOf(fileUrl(repository), { submodules: 'yes', scratch })).toMatchObject({
      code: 'NOT_SUPPORTED',
    });
    expect(readdirSync(scratch)).toEqual([]);
    warnings.length = 0;
    await fetchFrom(createSource(), fileUrl(repository), { warnings, submodules: 'no' });
    expect(warnings).toEqual([]);
  });

  test('a name that is not UTF-8', async () => {
    const repository = createRepository();
    writeFileSync(Buffer.from(`${repository.directory}/caf\xe9`, 'latin1'), 'x');
    repository.commit({ a: 'a' });
    expect(await failureOf(fileUrl(repository))).toMatchObject({
      code: 'TREE_INVALID',
      message: expect.stringMatching(/'caf.+', which is not UTF-8/),
    });
  });

  test('a hook, an alias and an extension of the repository do not run', async () => {
    const repository = createRepository();
    const ran = join(temporaryDirectory(), 'ran');
    repository.commit({ '.hg_archival.txt': 'mine', '.hgrc': `[hooks]\nincoming = touch ${ran}\n` });
    const { tree } = await fetchFrom(createSource(), fileUrl(repository));
    expect((await readAll(tree)).get('.hg_archival.txt')?.toString()).toBe('mine');
    expect(() => readdirSync(ran)).toThrow('ENOENT');
  });
});
