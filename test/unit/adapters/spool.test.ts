import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSpools } from '../../../src/adapters/spool.js';
import type { FileEntry, Tree, TreeEntry } from '../../../src/model/tree.js';
import type { StreamedEntry } from '../../../src/ports.js';

let directory: string;
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'spool-test-'))));
afterEach(() => rm(directory, { recursive: true }));

const spools = createSpools();

function file(path: string, ...chunks: (string | Buffer)[]): StreamedEntry {
  const bytes = chunks.map((chunk) => Buffer.from(chunk as Buffer));
  const size = bytes.reduce((sum, { length }) => sum + length, 0);
  return { entry: { type: 'file', path, mode: 0o640, size, id: '', mtime: 5 }, chunks: streamOf(bytes) };
}

async function* streamOf<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function filesOf(tree: Tree): Promise<FileEntry[]> {
  return (await tree.entries()).filter((entry: TreeEntry) => entry.type === 'file');
}

async function contentsOf(tree: Tree, files: readonly FileEntry[]): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for await (const { entry, chunks } of tree.read(files)) {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    found.push([entry.path, Buffer.concat(parts).toString('latin1')]);
  }
  return found;
}

test('entries are sorted, with the parents that the stream left out, and files named by their SHA-256', async () => {
  const link: TreeEntry = { type: 'symlink', path: 'b', target: 'a', mtime: 7 };
  const listed: TreeEntry = { type: 'directory', path: 'listed', mode: 0o700, mtime: 8 };
  const streamed = [
    file('z'),
    { entry: link },
    file('a/x/y', 'on', 'e'),
    { entry: listed },
    file('listed/f'),
  ];
  await using tree = await spools.spool(streamOf(streamed), directory);
  const empty = createHash('sha256').digest('hex');
  const parent = { type: 'directory', mode: 0o755, mtime: 5 };
  const made = { type: 'file', mode: 0o640, mtime: 5 };
  expect(await tree.entries()).toEqual([
    { ...parent, path: 'a' },
    { ...parent, path: 'a/x' },
    { ...made, path: 'a/x/y', size: 3, id: createHash('sha256').update('one').digest('hex') },
    link,
    listed,
    { ...made, path: 'listed/f', size: 0, id: empty },
    { ...made, path: 'z', size: 0, id: empty },
  ]);
});

test('files are read in any order, twice, and side by side', async () => {
  const big = randomBytes(1_000_000);
  await using tree = await spools.spool(
    streamOf([file('a', 'A'), file('big', big), file('c', 'C', 'C')]),
    directory,
  );
  const files = await filesOf(tree);
  const expected = [
    ['a', 'A'],
    ['big', big.toString('latin1')],
    ['c', 'CC'],
  ];
  const backwards = contentsOf(tree, files.toReversed());
  expect(await contentsOf(tree, files)).toEqual(expected);
  expect(await backwards).toEqual(expected.toReversed());
  for await (const { chunks } of tree.read(files)) {
    for await (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(256 * 1024);
  }
});

test('a path that comes twice is what came last', async () => {
  await using tree = await spools.spool(streamOf([file('a', 'first'), file('a', 'second')]), directory);
  expect(await contentsOf(tree, await filesOf(tree))).toEqual([['a', 'second']]);
});

test('disposing leaves nothing, also twice', async () => {
  const tree = await spools.spool(streamOf([file('a', 'A')]), directory);
  expect(await readdir(directory)).toHaveLength(1);
  await tree[Symbol.asyncDispose]();
  await tree[Symbol.asyncDispose]();
  expect(await readdir(directory)).toEqual([]);
});

test('a stream that fails leaves nothing', async () => {
  async function* failing(): AsyncGenerator<StreamedEntry> {
    yield file('a', 'A');
    throw new Error('the engine is gone');
  }
  await expect(spools.spool(failing(), directory)).rejects.toThrow('the engine is gone');
  expect(await readdir(directory)).toEqual([]);
});

test('300 MB pass in flat memory', async () => {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  async function* chunks() {
    for (let i = 0; i < 4800; i++) yield Buffer.from(chunk);
  }
  const entry: FileEntry = { type: 'file', path: 'big', mode: 0o644, size: 0, id: '', mtime: 0 };
  const before = process.memoryUsage().rss;
  await using tree = await spools.spool(streamOf([{ entry, chunks: chunks() }]), directory);
  let read = 0;
  let peak = 0;
  for await (const { chunks } of tree.read(await filesOf(tree))) {
    for await (const { length } of chunks) {
      read += length;
      peak = Math.max(peak, process.memoryUsage().rss);
    }
  }
  expect(read).toBe(4800 * chunk.length);
  expect(peak - before).toBeLessThan(100e6);
});
