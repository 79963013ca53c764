import { type Bytes, cutOff, invalid } from './bytes.js';
import { BLOCK, decodeHeader, isEnd, type TarHeader } from './header.js';
import { type Extended, readExtended, sparse } from './pax.js';

/** One entry of the archive. Its `chunks` must be read to their end before the next one is asked for. */
export type Member = TarHeader & { chunks: AsyncIterable<Uint8Array> };

/** What an entry may have in headers beyond its own: long names. */
const MAX_EXTRA = 256 * 1024;

/**
 * The entries of a tar up to the mark of its end; what comes after that is left unread. Not tar-stream's reader: that takes an archive
 * that is cut between two entries for a whole one, and what follows the end for an error. `check` sees each size before it is read.
 */
export async function* readMembers(bytes: Bytes, check: (size: number) => void): AsyncGenerator<Member> {
  const global: Extended = {};
  let own: Extended = {};
  for (;;) {
    const at = bytes.position();
    const block = await bytes.take(BLOCK);
    if (block.length === BLOCK && isEnd(block)) return;
    const header = decodeHeader(block) ?? refuse(block, at);
    check(header.size);
    if (EXTRA.has(header.type)) {
      const content = await readExtra(bytes, header);
      if (header.type === 'g') Object.assign(global, readExtended(content));
      else Object.assign(own, describe(header.type, content));
      continue;
    }
    const member = { ...header, ...global, ...own };
    own = {};
    check(member.size);
    // A hard link has no bytes of its own, whatever size it may tell.
    const size = member.type === '1' ? 0 : member.size;
    const padding = -size & (BLOCK - 1);
    if (member.type === 'S') throw sparse();
    const chunks = bytes.pieces(size);
    if (member.type !== 'V') yield { ...member, size, chunks };
    for await (const _ of chunks);
    if ((await bytes.take(padding)).length < padding) throw cutOff();
  }
}

/** pax headers, and GNU's long names. */
const EXTRA: ReadonlySet<string> = new Set(['x', 'g', 'L', 'K']);

async function readExtra(bytes: Bytes, { size }: TarHeader): Promise<Buffer> {
  if (size > MAX_EXTRA)
    throw invalid(`the context has a header of ${size} bytes, of which ${MAX_EXTRA} are read`);
  const padded = Math.ceil(size / BLOCK) * BLOCK;
  const content = await bytes.take(padded);
  if (content.length < padded) throw cutOff();
  return content.subarray(0, size);
}

function describe(type: string, content: Buffer): Extended {
  if (type === 'x') return readExtended(content);
  const end = content.indexOf(0);
  const name = Buffer.from(end < 0 ? content : content.subarray(0, end));
  return type === 'L' ? { name } : { linkName: name };
}

function refuse(block: Buffer, at: number): never {
  if (at === 0) throw invalid('the context is no tar archive, neither plain nor packed with gzip or zstd');
  if (block.length < BLOCK) throw cutOff();
  throw invalid(`the context is damaged: there is no tar header at byte ${at}`);
}
