import { Readable } from 'node:stream';
import tar from 'tar-stream';
import { expect, it } from 'vitest';
import { archivedEntries } from '../../../../src/adapters/hg/archive.js';

it('goes on to the next file where one was not read to its end', async () => {
  const pack = tar.pack();
  pack.entry({ name: 'source/a' }, Buffer.alloc(1_000_000));
  pack.entry({ name: 'source/b' }, 'b');
  pack.finalize();
  const archive = Buffer.concat(await Readable.from(pack).toArray());
  const pieces = Array.from({ length: Math.ceil(archive.length / 65_536) }, (_, i) =>
    archive.subarray(i * 65_536, (i + 1) * 65_536),
  );
  const seen: string[] = [];
  for await (const { entry, chunks } of archivedEntries(Readable.from(pieces), 1)) {
    for await (const chunk of chunks ?? []) {
      seen.push(`${entry.path} ${chunk.length > 0}`);
      break;
    }
  }
  expect(seen).toEqual(['a true', 'b true']);
});
