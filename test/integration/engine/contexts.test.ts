import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { createDockerContainers } from '../../../src/adapters/docker/containers.js';
import { createDockerContexts } from '../../../src/adapters/docker/contexts.js';
import type { FileEntry, Tree } from '../../../src/model/tree.js';
import { inPieces, tarOf } from '../../unit/adapters/context/tars.js';
import { containersOf } from './containers-lab.js';
import { docker, recorder } from './lab.js';

const runner = randomBytes(6).toString('hex');
const limits = { bytes: 2 ** 30, entries: 100_000 };
const contexts = createDockerContexts({ containers: createDockerContainers({ runner }), runner, limits });

/** What the engine has of contexts of this test. */
const images = async () =>
  (await docker.listImages())
    .flatMap(({ RepoTags }) => RepoTags ?? [])
    .filter((name) => name.includes(runner));

async function receive(stream: AsyncIterable<Uint8Array>, signal = new AbortController().signal) {
  const io = recorder();
  const build = `test-${randomUUID()}`;
  return { build, io, ...(await contexts.receive(stream, { build, emit: io.emit, signal })) };
}

async function contentsOf(tree: Tree, choose: (files: FileEntry[]) => FileEntry[] = (files) => files) {
  const files = (await tree.entries()).filter((entry): entry is FileEntry => entry.type === 'file');
  const contents: [string, string][] = [];
  for await (const { entry, chunks } of tree.read(choose(files)))
    contents.push([entry.path, await text(chunks)]);
  return contents;
}

describe('a context in the engine', () => {
  afterAll(async () => expect(await images()).toEqual([]));

  it('is read in the order of the tree and in any other, by several at a time', async () => {
    const bytes = await tarOf([
      { name: 'b/z', content: 'z' },
      { name: 'a.txt', content: 'large'.repeat(300_000) },
      { name: '.wh.a.txt', content: 'no whiteout' },
      { name: '.wh..wh..opq', content: 'none either' },
      { name: 'b-c', content: 'c' },
      { name: 'hard', type: 'link', linkname: 'b/z' },
      { name: 'link', type: 'symlink', linkname: '/etc' },
      { name: 'twice', content: 'first' },
      { name: 'ünï/日本', content: 'unicode' },
      { name: 'empty', content: '' },
      { name: `${'long'.repeat(50)}/${'name'.repeat(60)}`, content: 'long' },
      { name: 'n'.repeat(255), content: 'longest' },
      { name: 'twice', content: 'second' },
    ]);
    const { tree, build, io, ...context } = await receive(inPieces(bytes, 64 * 1024));
    try {
      const forward = await contentsOf(tree);
      const expected = new Map([
        ['.wh..wh..opq', 'none either'],
        ['.wh.a.txt', 'no whiteout'],
        ['a.txt', 'large'.repeat(300_000)],
        ['b/z', 'z'],
        ['b-c', 'c'],
        ['empty', ''],
        ['hard', 'z'],
        [`${'long'.repeat(50)}/${'name'.repeat(60)}`, 'long'],
        ['n'.repeat(255), 'longest'],
        ['twice', 'second'],
        ['ünï/日本', 'unicode'],
      ]);
      expect(forward).toEqual([...expected]);
      const backward = (files: FileEntry[]) => files.toReversed();
      const [one, two] = await Promise.all([contentsOf(tree, backward), contentsOf(tree, backward)]);
      expect(one).toEqual([...expected].reverse());
      expect(two).toEqual(one);
      expect(await images()).toHaveLength(1);
    } finally {
      await context[Symbol.asyncDispose]();
      await context[Symbol.asyncDispose]();
    }
    expect(io.warnings()).toEqual([]);
    expect(await containersOf(build)).toEqual([]);
    expect(await images()).toEqual([]);
  });

  it('may be empty, or of the tar program in each of its forms', async () => {
    const forms = ['v7', 'oldgnu', 'gnu', 'ustar', 'pax'].map((form) =>
      execFileSync('tar', [`--format=${form}`, '-C', 'test', '-c', 'fixtures']),
    );
    const ids = new Set<string>();
    for (const bytes of forms) {
      await using context = await receive(inPieces(bytes, 10_000));
      ids.add(context.revision.id);
    }
    expect(ids.size).toBe(1);
    await using empty = await receive(inPieces(Buffer.alloc(10_240)));
    expect(await contentsOf(empty.tree)).toEqual([]);
  });

  it('is not there where its stream is cut, refused or stopped half way', async () => {
    const bytes = await tarOf([
      { name: 'a', content: 'x'.repeat(2 ** 20) },
      { name: 'b', content: 'x'.repeat(2 ** 20) },
    ]);
    await expect(receive(inPieces(bytes.subarray(0, 1_500_000), 65_536))).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
    });
    const hostile = await tarOf([
      { name: 'a', content: 'x'.repeat(2 ** 20) },
      { name: '../b', content: '' },
    ]);
    await expect(receive(inPieces(hostile, 65_536))).rejects.toMatchObject({ code: 'TREE_INVALID' });
    const stop = new AbortController();
    async function* idle() {
      yield bytes.subarray(0, 1_500_000);
      setImmediate(() => stop.abort(new Error('stopped')));
      await new Promise(() => undefined);
    }
    await expect(receive(idle(), stop.signal)).rejects.toThrow('stopped');
    expect(await images()).toEqual([]);
  });

  it('whose reader was left early is still read and removed', async () => {
    const members = Array.from({ length: 500 }, (_, i) => ({ name: `d/f${i}`, content: 'x'.repeat(20_000) }));
    const context = await receive(inPieces(await tarOf(members), 65_536));
    for await (const _ of context.tree.read(
      (await context.tree.entries()).filter(({ type }) => type === 'file') as FileEntry[],
    ))
      break;
    expect(await contentsOf(context.tree)).toHaveLength(500);
    await context[Symbol.asyncDispose]();
    expect(await containersOf(context.build)).toEqual([]);
  });
});
