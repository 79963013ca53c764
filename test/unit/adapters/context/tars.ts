import { text } from 'node:stream/consumers';
import tar from 'tar-stream';
import { receiveContext, type ContextLimits } from '../../../../src/adapters/context/receive.js';

export type Member = Partial<tar.Header> & { name: string; content?: string };

/** A tar of these entries, with the mark of its end. */
export async function tarOf(members: readonly Member[]): Promise<Buffer> {
  const pack = tar.pack();
  for (const { content = '', ...header } of members) {
    pack.entry({ mtime: new Date(1000), ...header }, content);
  }
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack as unknown as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function* inPieces(bytes: Buffer, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const none: ContextLimits = { bytes: 2 ** 30, entries: 1000 };

/** Receives a stream; `stored` is what its store was given. */
export async function receive(
  stream: AsyncIterable<Uint8Array>,
  { limits = none, signal = new AbortController().signal } = {},
) {
  const stored = new Map<string, string>();
  const store = async ({ place }: { place: string }, chunks: AsyncIterable<Uint8Array>) => {
    stored.set(place, await text(chunks));
  };
  return { ...(await receiveContext(stream, { limits, store, signal })), stored };
}

/** The same of a tar: its entries without times and ids, with their content, as the tree has them. */
export async function entriesOf(bytes: Buffer) {
  const { entries, placeOf, stored } = await receive(inPieces(bytes));
  return entries.map((entry) =>
    entry.type === 'file'
      ? { path: entry.path, mode: entry.mode, content: stored.get(placeOf(entry.path)) }
      : entry.type === 'symlink'
        ? { path: entry.path, target: entry.target }
        : { path: `${entry.path}/`, mode: entry.mode },
  );
}
