import { expect, test } from 'vitest';
import { tarEntries } from '../../../../src/adapters/tar-entries.js';
import { packTar, writeEntry } from '../../../../src/adapters/docker/tar-pack.js';

// tar-stream cuts them to 32 bits: an engine refused the whole tar.
test('times of after 2038 are in a record of their own', async () => {
  const times = [1_700_000_000, 2 ** 31 - 1, 2 ** 31, 4_102_444_800];
  const tar = packTar(async (pack) => {
    for (const mtime of times)
      await writeEntry(pack, { type: 'directory', path: `at-${mtime}`, mode: 0o755, mtime });
  });
  const read: unknown[] = [];
  for await (const { header } of tarEntries(tar)) {
    const { mtime: late } = (header.pax ?? {}) as { mtime?: string };
    read.push(late === undefined ? header.mtime.getTime() / 1000 : Number(late));
  }
  expect(read).toEqual(times);
});
