import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparePaths, type FileEntry, type SymlinkEntry, type Tree } from '../../../src/model/tree.js';
import { parseDockerignore } from '../../../src/plan/dockerignore.js';
import {
  filterTree,
  ignoreFiles,
  memoryTree,
  overlayTree,
  readText,
  subtree,
} from '../../../src/plan/trees.js';

const file = (path: string, content = path, mode = 0o644) => ({
  path,
  mode,
  content: Buffer.from(content),
  mtime: 7,
});
const link = (path: string, target: string): SymlinkEntry => ({ type: 'symlink', path, target, mtime: 7 });
const directory = (path: string) => ({ type: 'directory' as const, path, mode: 0o755, mtime: 7 });

async function paths(tree: Tree): Promise<string[]> {
  return (await tree.entries()).map((entry) => (entry.type === 'directory' ? `${entry.path}/` : entry.path));
}

async function contents(tree: Tree, order = (files: FileEntry[]) => files): Promise<Record<string, string>> {
  const files = order((await tree.entries()).filter((entry) => entry.type === 'file'));
  const read: Record<string, string> = {};
  const given: FileEntry[] = [];
  for await (const { entry, chunks } of tree.read(files)) {
    given.push(entry);
    let text = '';
    for await (const chunk of chunks) text += Buffer.from(chunk).toString();
    read[entry.path] = text;
  }
  expect(given).toEqual(files);
  return read;
}

describe('memoryTree', () => {
  test('lists directories, sorted as a walk meets them', async () => {
    const tree = memoryTree(
      [file('b'), file('a/c'), file('a-b'), file('a.b')],
      [link('a/l', '../b'), directory('e/f')],
    );
    expect(await paths(tree)).toEqual(['a/', 'a/c', 'a/l', 'a-b', 'a.b', 'b', 'e/', 'e/f/']);
  });

  test('gives equal ids to equal contents alone', async () => {
    const [a, b, c] = (await memoryTree([
      file('a', 'x'),
      file('b', 'x'),
      file('c', 'y'),
    ]).entries()) as FileEntry[];
    expect(a!.id).toBe(b!.id);
    expect(a!.id).not.toBe(c!.id);
  });
});

describe('filterTree', () => {
  test('keeps the directories of what it keeps', async () => {
    const tree = filterTree(
      memoryTree([file('a/b/c'), file('a/d'), file('e/f')]),
      (path) => path === 'a/b/c',
    );
    expect(await paths(tree)).toEqual(['a/', 'a/b/', 'a/b/c']);
    expect(await contents(tree)).toEqual({ 'a/b/c': 'a/b/c' });
  });

  test('lets other work have its turn while it asks', async () => {
    const tree = memoryTree(Array.from({ length: 1000 }, (_, n) => file(`f${n}`)));
    const all = await tree.entries();
    let asked = 0;
    let settled = false;
    const entries = filterTree(tree, () => ++asked > 0).entries();
    void entries.finally(() => (settled = true));
    let turns = 0;
    for (; !settled; await new Promise((resolve) => setImmediate(resolve))) {
      if (asked > 0 && asked < all.length) turns++;
    }
    expect(turns).toBeGreaterThan(1);
    expect(await entries).toEqual(all);
  });

  test('asks once for each entry, however often it is listed', async () => {
    const asked: string[] = [];
    const tree = filterTree(memoryTree([file('a'), file('b')]), (path) => asked.push(path) > 0);
    await Promise.all([tree.entries(), tree.entries()]);
    expect(asked.sort()).toEqual(['a', 'b']);
  });
});

test('ignoreFiles keeps an empty directory that is not ignored, and one that holds something kept', async () => {
  const tree = memoryTree([file('a/b'), file('a/c'), file('d/e')], [directory('empty'), directory('gone')]);
  expect(await paths(ignoreFiles(tree, parseDockerignore('a\n!a/c\nd/e\ngone')))).toEqual([
    'a/',
    'a/c',
    'd/',
    'empty/',
  ]);
});

describe('subtree', () => {
  const tree = memoryTree([file('a/b/c'), file('a/d'), file('a-b'), file('e')], [link('l', 'a')]);

  test.each(['a', 'a/', './a/.', 'x/../a'])('of %s', async (name) => {
    const below = await subtree(tree, name);
    expect(await paths(below)).toEqual(['b/', 'b/c', 'd']);
    expect(await contents(below)).toEqual({ 'b/c': 'a/b/c', d: 'a/d' });
    expect(await contents(below, (files) => files.reverse())).toEqual({ 'b/c': 'a/b/c', d: 'a/d' });
  });

  test.each(['.', '', '/', 'a/..'])('of %j is the whole', async (name) => {
    expect(await paths(await subtree(tree, name))).toEqual(await paths(tree));
  });

  test.each([
    ['e', "the directory 'e' is a file, not a directory"],
    ['l', "the directory 'l' is a symbolic link, which is not followed"],
    ['nope', "the directory 'nope' is not in the source"],
    ['../a', "the directory '../a' is not in the source"],
  ])('of %s is refused', async (name, message) => {
    await expect(subtree(tree, name)).rejects.toMatchObject({ code: 'CONTEXT_NOT_FOUND', message });
  });
});

// A path is judged by all directories above it: asked about the deepest one first, a pattern would be asked about all of them in one go.
test('ignoreFiles asks about a directory before what it holds', async () => {
  const asked: string[] = [];
  const ignored = (path: string) => {
    asked.push(path);
    return path !== 'a/b/c';
  };
  expect(await paths(ignoreFiles(memoryTree([file('a/b/c'), file('a/d')]), ignored))).toEqual([
    ...['a/', 'a/b/', 'a/b/c'],
  ]);
  expect(asked).toEqual(['a', 'a/b', 'a/b/c', 'a/d']);
});

describe('overlayTree', () => {
  const base = memoryTree([file('a/b'), file('c'), file('d/e/f')], [link('l', 'a')]);

  test('adds and replaces', async () => {
    const tree = overlayTree(base, [file('VERSION', '1.2', 0o600), file('c', 'new', 0o755), file('x/y/z')]);
    expect(await paths(tree)).toEqual([
      'VERSION',
      'a/',
      'a/b',
      'c',
      'd/',
      'd/e/',
      'd/e/f',
      'l',
      'x/',
      'x/y/',
      'x/y/z',
    ]);
    expect((await tree.entries()).find(({ path }) => path === 'c')).toMatchObject({ mode: 0o755, size: 3 });
    const expected = { VERSION: '1.2', 'a/b': 'a/b', c: 'new', 'd/e/f': 'd/e/f', 'x/y/z': 'x/y/z' };
    expect(await contents(tree)).toEqual(expected);
    expect(await contents(tree, (files) => files.reverse())).toEqual(expected);
  });

  test('what stands in the way gives way', async () => {
    expect(await paths(overlayTree(base, [file('d'), file('l/m'), file('c/n')]))).toEqual([
      ...['a/', 'a/b', 'c/', 'c/n', 'd', 'l/', 'l/m'],
    ]);
  });

  // As an engine does that asks for a file only when it has got the one before.
  test('answers each file before it is asked for the next', async () => {
    const tree = overlayTree(base, [file('VERSION'), file('Z')]);
    const files = (await tree.entries()).filter((entry) => entry.type === 'file');
    const seen: string[] = [];
    async function* onDemand() {
      for (const entry of files) {
        yield entry;
        while (seen.at(-1) !== entry.path) await new Promise((resolve) => setImmediate(resolve));
      }
    }
    for await (const { entry, chunks } of tree.read(onDemand())) {
      for await (const chunk of chunks) expect(Buffer.from(chunk).toString()).toBe(entry.path);
      seen.push(entry.path);
    }
    expect(seen).toEqual(['VERSION', 'Z', 'a/b', 'c', 'd/e/f']);
  });

  // Nobody waits for the base then: that it fails must not be news to the whole process.
  test('gives what it has while the base fails, and then says why', async () => {
    const failing: Tree = {
      entries: () => base.entries(),
      async *read(files) {
        const asked: FileEntry[] = [];
        for await (const entry of files) asked.push(entry);
        yield { entry: asked[0]!, chunks: (async function* () {})() };
        throw new Error('the store is gone');
      },
    };
    const tree = overlayTree(failing, [file('b')]);
    const files = (await tree.entries()).filter((entry) => entry.type === 'file');
    const reader = tree.read(files)[Symbol.asyncIterator]();
    for (const path of ['a/b', 'b']) expect((await reader.next()).value).toMatchObject({ entry: { path } });
    await new Promise((resolve) => setImmediate(resolve));
    await expect(reader.next()).rejects.toThrow('the store is gone');
  });
});

// Each time an array gives up its first element, it moves the others.
test.each<[string, (tree: Tree) => Tree | Promise<Tree>, string]>([
  ['overlayTree', (tree) => overlayTree(tree, [file('VERSION')]), ''],
  ['subtree', (tree) => subtree(tree, 'a'), 'a/'],
])('%s of a tree that takes all questions before it answers', async (_, over, prefix) => {
  const names = Array.from({ length: 400_000 }, (_, n) => `${prefix}${String(n).padStart(6, '0')}`);
  const entries = names.map(
    (path): FileEntry => ({ ...(directory(path) as object), type: 'file' }) as FileEntry,
  );
  const tree = await over({
    entries: async () => [directory('a'), ...entries],
    async *read(files) {
      const asked: FileEntry[] = [];
      for await (const entry of files) asked.push(entry);
      for (const entry of asked) yield { entry, chunks: (async function* () {})() };
    },
  });
  const files = (await tree.entries()).filter((entry) => entry.type === 'file');
  const read: FileEntry[] = [];
  for await (const { entry } of tree.read(files)) read.push(entry);
  expect(read.every((entry, index) => entry === files[index])).toBe(true);
  expect(read).toHaveLength(files.length);
});

describe('readText', () => {
  const tree = memoryTree(
    [file('Dockerfile', '\ufeffFROM ä'), file('docker/web', 'FROM b')],
    [
      link('a/link', '../docker/web'),
      link('out', '../x'),
      link('root', '/Dockerfile'),
      link('loop', 'loop'),
      link('dir', 'docker'),
      link('dangling', 'nowhere'),
    ],
  );

  test.each([
    ['Dockerfile', 'FROM ä'],
    ['./docker//web', 'FROM b'],
    ['a/link', 'FROM b'],
    ['nope', undefined],
    ['../Dockerfile', undefined],
  ])('%s', async (path, text) => {
    expect(await readText(tree, path, 100)).toBe(text);
  });

  test.each([
    ['out', "is a symbolic link to '../x', which leads out of what is built"],
    ['root', "is a symbolic link to '/Dockerfile', which leads out of what is built"],
    ['loop', "is a symbolic link to 'loop', which leads to itself"],
    ['dir', "is a symbolic link to 'docker', which is a directory"],
    ['dangling', "is a symbolic link to 'nowhere', which is not there"],
    ['docker', 'is a directory, not a file'],
  ])('refuses %s, which is there and no file', async (path, why) => {
    await expect(readText(tree, path, 100)).rejects.toMatchObject({
      code: 'TREE_INVALID',
      message: `'${path}' ${why}`,
    });
  });

  test('refuses what is larger than allowed', async () => {
    await expect(readText(tree, 'docker/web', 5)).rejects.toMatchObject({
      code: 'TREE_INVALID',
      message: "'docker/web' has 6 bytes, of which at most 5 are read",
    });
  });
});

test('property: a filtered tree is sorted, holds its directories, and nothing that was not kept', async () => {
  const name = fc.constantFrom('a', 'b', 'a-b', 'a.b', 'é', '😀', '\ufffd');
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
  // A name is a file or a directory, not both.
  const files = fc
    .uniqueArray(path)
    .map((all) => all.filter((one) => !all.some((other) => other.startsWith(`${one}/`))));
  await fc.assert(
    fc.asyncProperty(files, fc.uniqueArray(path), async (all, kept) => {
      const tree = filterTree(memoryTree(all.map((each) => file(each))), (each) => kept.includes(each));
      const entries = await tree.entries();
      const listed = entries.map((entry) => entry.path);
      expect(listed).toEqual([...listed].sort(comparePaths));
      expect(listed).toEqual([...listed].sort((a, b) => Buffer.compare(bytes(a), bytes(b))));
      for (const { path: each, type } of entries) {
        const parent = each.slice(0, Math.max(each.lastIndexOf('/'), 0));
        expect(parent === '' || listed.includes(parent)).toBe(true);
        const isNeeded = type === 'directory' && listed.some((other) => other.startsWith(`${each}/`));
        expect(kept.includes(each) || isNeeded).toBe(true);
      }
    }),
  );
});

function bytes(path: string): Buffer {
  return Buffer.from(path.replaceAll('/', '\0'));
}
