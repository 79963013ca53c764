import { afterAll, beforeAll, expect, test } from 'vitest';
import { fileOf, freshPrefix, generated, MiB, openReader, upload } from './lab.js';

let store: ReturnType<typeof openReader>;
beforeAll(() => void (store = openReader()));
afterAll(() => store.close());

test('memory stays flat while 300 MiB go through', async () => {
  const size = 300 * MiB;
  let most = 0;
  const sample = () => void (most = Math.max(most, process.memoryUsage().rss));
  async function* files() {
    yield fileOf('big', size, generated(size, sample));
  }
  // The SDK is loaded and the first buffers are there.
  await upload(small(), freshPrefix());
  const before = process.memoryUsage().rss;
  await upload(files(), freshPrefix());
  expect((most - before) / MiB).toBeLessThan(100);
});

async function* small() {
  yield fileOf('warm', 30 * MiB, generated(30 * MiB));
}
