import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StreamedEntry } from '../../../src/ports.js';
import { bucket, fileOf, freshPrefix, generated, MiB, openReader, sha256, streamed, upload } from './lab.js';

let store: ReturnType<typeof openReader>;
beforeAll(() => void (store = openReader()));
afterAll(() => store.close());

test('a single file lies below the prefix, with its type', async () => {
  const prefix = freshPrefix();
  const { published, log } = await upload(streamed({ 'index.html': '<p>hello' }), prefix);
  expect(published).toEqual({ url: `s3://${bucket()}/${prefix}/`, files: 1, bytes: 8 });
  expect(log()).toBe(`s3://${bucket()}/${prefix}/index.html 8B\n`);
  expect(await store.text(`${prefix}/index.html`)).toBe('<p>hello');
  expect((await store.get(`${prefix}/index.html`)).type).toBe('text/html');
});

test('names arrive exactly as they are', async () => {
  const prefix = freshPrefix();
  const names = [
    'a b',
    'ü/日本語/🎉.txt',
    'x+y%20z',
    '#1?q=a&b',
    "it's.js",
    '<&>"',
    'back\\slash',
    'dots/...',
    'e\u0301',
  ];
  await upload(streamed(Object.fromEntries(names.map((name) => [name, `content of ${name}`]))), prefix);
  expect((await store.keys(prefix)).sort()).toEqual([...names].sort());
  for (const name of names) expect(await store.text(`${prefix}/${name}`)).toBe(`content of ${name}`);
});

test('a directory of 300 small files and an empty one', async () => {
  const prefix = freshPrefix();
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`dir/${n}.txt`, `file ${n}`]));
  const { published, log, events } = await upload(streamed({ ...files, empty: '' }), prefix);
  expect(published).toMatchObject({ files: 301, bytes: Object.values(files).join('').length });
  expect((await store.keys(prefix)).sort()).toEqual([...Object.keys(files), 'empty'].sort());
  expect(await store.text(`${prefix}/empty`)).toBe('');
  expect(log().trimEnd().split('\n')).toHaveLength(301);
  expect(events.length).toBeLessThan(150);
});

test('a file of 64 MiB arrives in parts, byte by byte', async () => {
  const [prefix, size] = [freshPrefix(), 64 * MiB + 12_345];
  const { published } = await upload(one('big.tar.gz', size), prefix);
  expect(published).toMatchObject({ files: 1, bytes: size });
  const { type, chunks } = await store.get(`${prefix}/big.tar.gz`);
  expect(type).toBe('application/gzip');
  expect(await sha256(chunks)).toBe(await sha256(generated(size)));
  expect(await store.unfinished(prefix)).toEqual([]);
});

test.each([5 * MiB, 5 * MiB + 1, 10 * MiB])('a file of %i bytes, where one part ends', async (size) => {
  const prefix = freshPrefix();
  await upload(one('edge', size), prefix);
  const { type, chunks } = await store.get(`${prefix}/edge`);
  expect(type).toBe('application/octet-stream');
  expect(await sha256(chunks)).toBe(await sha256(generated(size)));
});

test('directories leave no trace, symbolic links a warning', async () => {
  const prefix = freshPrefix();
  const { published, warnings } = await upload(withLinks(), prefix);
  expect(published).toMatchObject({ files: 1, bytes: 2 });
  expect(await store.keys(prefix)).toEqual(['dir/file']);
  expect(warnings()).toEqual(['2 symbolic links were not published: S3 has none']);
});

async function* one(path: string, size: number): AsyncGenerator<StreamedEntry> {
  yield fileOf(path, size, generated(size));
}

async function* withLinks(): AsyncGenerator<StreamedEntry> {
  yield { entry: { type: 'directory', path: 'dir', mode: 0o755, mtime: 0 } };
  yield { entry: { type: 'symlink', path: 'dir/a', target: 'file', mtime: 0 } };
  yield* streamed({ 'dir/file': 'ok' });
  yield { entry: { type: 'symlink', path: 'z', target: '/etc/passwd', mtime: 0 } };
}
