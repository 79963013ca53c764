import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { createLanes } from '../../../../src/adapters/docker/context-lanes.js';
import { contextTree } from '../../../../src/adapters/docker/context-tree.js';
import { comparePaths, type FileEntry } from '../../../../src/model/tree.js';
import type { Container, StreamedEntry } from '../../../../src/ports.js';
import { inPieces, receive, tarOf, type Member } from '../context/tars.js';

/** A received context in an engine of memory, whose containers give a directory in the order of a walk, one reader at a time. */
async function engineWith(members: readonly Member[]) {
  const received = await receive(inPieces(await tarOf(members), 4096));
  const opened: string[] = [];
  let made = 0;
  const makeContainer = (): Container => {
    made++;
    let isRead = false;
    async function* read(path: string): AsyncGenerator<StreamedEntry> {
      if (isRead) throw new Error('the engine reads one thing at a time from a container');
      isRead = true;
      opened.push(path);
      const root = path.slice(1);
      try {
        for (const place of [...received.stored.keys()].sort(comparePaths)) {
          if (place !== root && !place.startsWith(`${root}/`)) continue;
          const content = Buffer.from(received.stored.get(place)!);
          const below = place === root ? place.split('/').at(-1)! : place.slice(root.length + 1);
          const entry = {
            type: 'file' as const,
            path: below,
            mode: 0,
            size: content.length,
            id: '',
            mtime: 0,
          };
          yield { entry, chunks: inPieces(content, 100) };
        }
      } finally {
        isRead = false;
      }
    }
    return { read, [Symbol.asyncDispose]: () => Promise.resolve() } as Partial<Container> as Container;
  };
  const lanes = createLanes(() => Promise.resolve(makeContainer()));
  const tree = contextTree(received, lanes, new AbortController().signal);
  const files = received.entries.filter((entry): entry is FileEntry => entry.type === 'file');
  const readAll = async (wanted: readonly FileEntry[]) => {
    const contents: string[] = [];
    for await (const { entry, chunks } of tree.read(wanted)) {
      expect(entry).toBe(wanted[contents.length]);
      contents.push(await text(chunks));
    }
    return contents;
  };
  return { files, opened, readAll, tree, made: () => made };
}

const many = Array.from({ length: 200 }, (_, i) => ({ name: `d${i % 10}/f${i}`, content: `content ${i}` }));
const contentOf = ({ path }: FileEntry) => `content ${path.split('f')[1]}`;

describe('a context in the engine', () => {
  it('is read in its order with one walk', async () => {
    const { files, opened, readAll } = await engineWith(many);
    expect(await readAll(files)).toEqual(files.map(contentOf));
    expect(opened).toEqual(['/context']);
  });

  it('gives what is asked for in any order', async () => {
    const { files, readAll } = await engineWith(many);
    const shuffled = files.toSorted((a, b) => (a.path.at(-1)! < b.path.at(-1)! ? -1 : 1)).toReversed();
    expect(await readAll(shuffled)).toEqual(shuffled.map(contentOf));
  });

  it('gives an entry that was moved, as trees over it do', async () => {
    const { files, readAll } = await engineWith(many);
    expect(await readAll([{ ...files[7]! }])).toEqual([contentOf(files[7]!)]);
  });

  it('opens a small file behind a large one alone', async () => {
    const { files, opened, readAll } = await engineWith([
      { name: 'a', content: 'x'.repeat(20 * 2 ** 20) },
      { name: 'b', content: 'small' },
    ]);
    expect(await readAll([files[1]!])).toEqual(['small']);
    expect(opened).toEqual(['/context/_b']);
  });

  it('keeps a small file that has several names', async () => {
    const links = Array.from({ length: 20 }, (_, i) => ({
      name: `l${i}`,
      type: 'link' as const,
      linkname: 'a',
    }));
    const { files, opened, readAll } = await engineWith([{ name: 'a', content: 'shared' }, ...links]);
    expect(await readAll(files)).toEqual(files.map(() => 'shared'));
    expect(opened).toEqual(['/context']);
  });

  it('gives the last of a name that came twice, and long names', async () => {
    const name = 'n'.repeat(255);
    const { files, readAll } = await engineWith([
      { name: 'a', content: 'first' },
      { name: 'a', content: 'second' },
      { name, content: 'long' },
    ]);
    expect(await readAll(files)).toEqual(['second', 'long']);
  });

  it('has readers beside each other, and uses their containers again', async () => {
    const { files, readAll, tree, made } = await engineWith(many);
    for await (const { chunks } of tree.read(files.slice(0, 3))) {
      expect(await readAll(files)).toHaveLength(200);
      await text(chunks);
    }
    expect(made()).toBe(2);
  });

  it('may be left in the middle', async () => {
    const { files, readAll, tree, made } = await engineWith(many);
    for await (const _ of tree.read(files)) break;
    expect(await readAll(files)).toHaveLength(200);
    expect(made()).toBe(1);
  });
});
