import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { comparePaths } from '../../../src/model/tree.js';
import { overlayTree, subtree } from '../../../src/plan/trees.js';
import { createRepository, createSource, fetchFrom, fileUrl, readAll, temporaryDirectory } from './lab.js';

test('every kind of entry, sorted as a walk meets them', async () => {
  const repository = createRepository();
  const { work } = repository;
  mkdirSync(join(work, 'bin'));
  writeFileSync(join(work, 'bin/run'), '#!/bin/sh\n');
  chmodSync(join(work, 'bin/run'), 0o755);
  symlinkSync('../bin/rün', join(work, 'bin/link'));
  const submodule = repository.commit({
    'a/b': 'b',
    'a-b': '',
    'a.b': '1',
    'ä/😀': '',
    '\ufffd': '',
    'sp ace/li\nne': 'x',
  });
  repository.git('update-index', '--add', '--cacheinfo', `160000,${submodule},modules/sub`);
  repository.git('commit', '--quiet', '--message', 'submodule');
  repository.push();
  const { tree, revision } = await fetchFrom(createSource(), fileUrl(repository));
  const entries = await tree.entries();
  const mtime = revision.committedAt.getTime() / 1000;
  const blob = (path: string) => ({ id: repository.git('rev-parse', `HEAD:${path}`), mtime });
  const directory = (path: string) => ({ type: 'directory', path, mode: 0o755, mtime });
  expect(entries).toEqual([
    directory('a'),
    { type: 'file', path: 'a/b', mode: 0o644, size: 1, ...blob('a/b') },
    { type: 'file', path: 'a-b', mode: 0o644, size: 0, ...blob('a-b') },
    { type: 'file', path: 'a.b', mode: 0o644, size: 1, ...blob('a.b') },
    directory('bin'),
    { type: 'symlink', path: 'bin/link', target: '../bin/rün', mtime },
    { type: 'file', path: 'bin/run', mode: 0o755, size: 10, ...blob('bin/run') },
    directory('modules'),
    directory('modules/sub'),
    directory('sp ace'),
    { type: 'file', path: 'sp ace/li\nne', mode: 0o644, size: 1, ...blob('sp ace/li\nne') },
    directory('ä'),
    { type: 'file', path: 'ä/😀', mode: 0o644, size: 0, ...blob('ä/😀') },
    { type: 'file', path: '\ufffd', mode: 0o644, size: 0, ...blob('\ufffd') },
  ]);
  expect(entries.map(({ path }) => path)).toEqual(entries.map(({ path }) => path).sort(comparePaths));
});

describe('reading', () => {
  test('in any order, any number of times, side by side, and part of a file', async () => {
    const repository = createRepository();
    const names = Array.from({ length: 600 }, (_, i) => `d${i % 7}/f${i}`);
    repository.commit(Object.fromEntries(names.map((name) => [name, name.repeat(50)])));
    const { tree } = await fetchFrom(createSource(), fileUrl(repository));
    const expected = new Map(names.map((name) => [name, Buffer.from(name.repeat(50))]));
    const [one, two] = await Promise.all([readAll(tree), readAll(tree)]);
    expect(one).toEqual(expected);
    expect(two).toEqual(one);

    const files = (await tree.entries()).filter((entry) => entry.type === 'file').reverse();
    const given: string[] = [];
    for await (const { entry, chunks } of tree.read(files)) {
      given.push(entry.path);
      for await (const chunk of chunks) {
        if (given.length % 2 === 0) break;
        expect(Buffer.from(chunk).toString()).toBe(entry.path.repeat(50));
      }
    }
    expect(given).toEqual(files.map(({ path }) => path));
    for await (const { entry } of tree.read(files)) {
      expect(entry).toBe(files[0]);
      break;
    }
  });

  test('gives each file before it is asked for the next, through a tree over a tree', async () => {
    const repository = createRepository();
    repository.commit({ 'app/a': 'a', 'app/b': 'b', 'app/c.bat': 'c\n', '.gitattributes': '*.bat eol=crlf' });
    const { tree } = await fetchFrom(createSource(), fileUrl(repository));
    const version = { path: 'VERSION', mode: 0o644, mtime: 0, content: Buffer.from('1') };
    const whole = overlayTree(await subtree(tree, 'app'), [version]);
    const files = (await whole.entries()).filter((entry) => entry.type === 'file');
    const seen: string[] = [];
    async function* onDemand() {
      for (const entry of files) {
        yield entry;
        while (!seen.some((text) => text.startsWith(`${entry.path}:`)))
          await new Promise((resolve) => setImmediate(resolve));
      }
    }
    for await (const { entry, chunks } of whole.read(onDemand())) {
      let text = '';
      for await (const chunk of chunks) text += Buffer.from(chunk).toString();
      seen.push(`${entry.path}:${text}`);
    }
    expect(seen).toEqual(['VERSION:1', 'a:a', 'b:b', 'c.bat:c\r\n']);
  });

  test('a large file passes through in pieces', async () => {
    const repository = createRepository();
    const size = 96 * 2 ** 20;
    repository.commit({ big: Buffer.alloc(size, 'x'), small: 'y' });
    const { tree } = await fetchFrom(createSource(), fileUrl(repository));
    const before = process.memoryUsage().rss;
    let [read, most] = [0, 0];
    const files = (await tree.entries()).filter((entry) => entry.type === 'file');
    for await (const { chunks } of tree.read(files)) {
      for await (const chunk of chunks) {
        read += chunk.length;
        most = Math.max(most, process.memoryUsage().rss);
      }
    }
    expect(read).toBe(size + 1);
    expect(most - before).toBeLessThan(48 * 2 ** 20);
  });

  test('what the source of names throws comes out', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    const { tree } = await fetchFrom(createSource(), fileUrl(repository));
    async function* failing() {
      yield (await tree.entries())[0] as never;
      throw new Error('no more names');
    }
    await expect(async () => {
      for await (const { chunks } of tree.read(failing())) for await (const _ of chunks);
    }).rejects.toThrow('no more names');
  });
});

describe('.gitattributes', () => {
  // It took a regular expression most of a minute, in which nobody else was answered.
  test('of line feeds is read at once', async () => {
    const repository = createRepository();
    repository.commit({ '.gitattributes': '\n'.repeat(300_000) });
    const { tree } = await fetchFrom(createSource(), fileUrl(repository));
    expect((await tree.entries()).map(({ path }) => path)).toEqual(['.gitattributes']);
  });

  test('what a checkout converts is converted, with its true size', async () => {
    const repository = createRepository();
    const latin = 'gr\u00fc\u00df dich\n';
    repository.commit({
      '.gitattributes': [
        '*.bat text eol=crlf',
        '*.raw -text eol=crlf',
        '*.auto text=auto eol=crlf',
        '*.id ident',
        '*.l1 text working-tree-encoding=ISO-8859-1',
        '*.u16 text working-tree-encoding=UTF-16LE-BOM eol=crlf',
        '*.lfs filter=lfs diff=lfs merge=lfs -text',
      ].join('\n'),
      'sub/.gitattributes': '[attr]windows eol=crlf\n*.txt eol=crlf\nkeep.txt !eol\n',
      'a.bat': 'one\ntwo\n',
      'a.raw': 'one\ntwo\n',
      'a.auto': 'one\ntwo\n',
      'b.auto': Buffer.from('bi\0nary\n'),
      'a.id': 'is $Id$ here\n',
      'a.lfs': 'version https://git-lfs.github.com/spec/v1\n',
      'a.l1': Buffer.from(latin, 'latin1'),
      'a.u16': Buffer.from(`\ufeff${latin}`.replace('\n', '\r\n'), 'utf16le'),
      'sub/a.txt': 'x\n',
      'sub/keep.txt': 'x\n',
      'plain.txt': 'x\n',
    });
    await expectAsCheckedOut(repository);
  });

  test('ids tell apart what conversion makes different', async () => {
    const repository = createRepository();
    repository.commit({ '.gitattributes': 'a eol=crlf\nb eol=crlf\n', a: 'x\n', b: 'x\n', c: 'x\n' });
    const { tree } = await fetchFrom(createSource(), fileUrl(repository));
    const ids = new Map(
      (await tree.entries()).map((entry) => [entry.path, entry.type === 'file' ? entry.id : '']),
    );
    expect(ids.get('a')).toBe(ids.get('b'));
    expect(ids.get('a')).not.toBe(ids.get('c'));
  });

  test('export-ignore and export-subst mean nothing, and no filter runs', async () => {
    const repository = createRepository();
    const trace = join(temporaryDirectory(), 'ran');
    repository.commit({
      '.gitattributes': 'gone export-ignore\nsubst export-subst\nf filter=evil eol=crlf\n',
      gone: 'here',
      subst: '$Format:%H$',
      f: 'x\n',
      '.gitconfig': `[filter "evil"]\nsmudge = touch ${trace}\n`,
    });
    const { tree } = await fetchFrom(createSource(), fileUrl(repository));
    const contents = await readAll(tree);
    expect(contents.get('gone')?.toString()).toBe('here');
    expect(contents.get('subst')?.toString()).toBe('$Format:%H$');
    expect(contents.get('f')?.toString()).toBe('x\r\n');
    expect(() => readFileSync(trace)).toThrow('ENOENT');
  });
});

describe('a hostile tree is refused', () => {
  const blob = '100644 blob';
  test.each([
    ['a .git directory', (id: string) => `40000 tree ${id}\t.git`, /'\.git': no file may be called so/],
    ['a .GIT file', (id: string) => `${blob} ${id}\t.GIT`, /'\.GIT': no file may be called so/],
    ['..', (id: string) => `${blob} ${id}\t..`, /'\.\.': no file may be called so/],
    ['a name twice', (id: string) => `${blob} ${id}\ta\0${blob} ${id}\ta`, /'a': it is there twice/],
  ])('%s', async (_, line, message) => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    const isTree = line('').includes(' tree ');
    const id = repository.git('rev-parse', isTree ? 'HEAD^{tree}' : 'HEAD:a');
    expect(await refusal(repository, rawTree(line(id)))).toMatchObject({
      code: 'TREE_INVALID',
      message: expect.stringMatching(message),
    });
  });

  test('a name that is not UTF-8', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    const name = Buffer.from('caf\xe9', 'latin1');
    const tree = Buffer.concat([
      Buffer.from('100644 '),
      name,
      Buffer.alloc(1),
      idBytes(repository.git('rev-parse', 'HEAD:a')),
    ]);
    expect(await refusal(repository, tree)).toMatchObject({
      code: 'TREE_INVALID',
      message: "the source holds 'café': its name is not UTF-8",
    });
  });

  test('a name with a slash', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    expect(
      await refusal(repository, rawTree(`100644 blob ${repository.git('rev-parse', 'HEAD:a')}\tx/../../y`)),
    ).toMatchObject({
      code: 'TREE_INVALID',
    });
  });

  test('a tree that names itself a billion times', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    let tree = repository.git('rev-parse', 'HEAD^{tree}');
    for (let level = 0; level < 10; level++) {
      const lines = Array.from({ length: 10 }, (_, i) => `040000 tree ${tree}\t${i}`);
      tree = repository.feed(lines.join('\n'), 'mktree');
    }
    commitTree(repository, tree);
    await expect(fetchFrom(createSource(), fileUrl(repository))).rejects.toMatchObject({
      code: 'TREE_INVALID',
      message: expect.stringContaining('more than 1000000 files'),
    });
  });
});

type Repository = ReturnType<typeof createRepository>;

async function refusal(repository: Repository, tree: Buffer): Promise<unknown> {
  commitTree(repository, repository.feed(tree, 'hash-object', '-t', 'tree', '-w', '--literally', '--stdin'));
  return await fetchFrom(createSource(), fileUrl(repository)).catch((error: unknown) => error);
}

function commitTree(repository: Repository, tree: string): void {
  const commit = repository.git('commit-tree', '-m', 'hostile', tree);
  repository.git('update-ref', 'refs/heads/main', commit);
  repository.push();
}

/** A tree object from lines as `git ls-tree -z` prints them, without any of git's checks. */
function rawTree(lines: string): Buffer {
  return Buffer.concat(
    lines.split('\0').map((line) => {
      const [, mode = '', id = '', name = ''] = /^(\d+) \w+ ([0-9a-f]+)\t(.*)$/.exec(line) ?? [];
      return Buffer.concat([Buffer.from(`${mode} ${name}\0`), idBytes(id)]);
    }),
  );
}

function idBytes(id: string): Buffer {
  return Buffer.from(id, 'hex');
}

async function expectAsCheckedOut(repository: Repository): Promise<void> {
  const checkout = temporaryDirectory();
  repository.git('clone', '--quiet', repository.bare, join(checkout, 'clone'));
  const { tree } = await fetchFrom(createSource(), fileUrl(repository));
  for (const [path, content] of await readAll(tree)) {
    const onDisk = readFileSync(join(checkout, 'clone', path));
    expect([path, content.toString('latin1')]).toEqual([path, onDisk.toString('latin1')]);
  }
  for (const entry of await tree.entries()) {
    if (entry.type !== 'file') continue;
    expect([entry.path, entry.size]).toEqual([
      entry.path,
      readFileSync(join(checkout, 'clone', entry.path)).length,
    ]);
  }
}
