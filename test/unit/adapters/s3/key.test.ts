import { expect, test } from 'vitest';
import { contentType } from '../../../../src/adapters/s3/content-type.js';
import { objectKey, shownUrl } from '../../../../src/adapters/s3/key.js';
import { partSizeFor, PART_SIZE } from '../../../../src/adapters/s3/store.js';

test.each([
  ['a/b', 'c.txt', 'a/b/c.txt'],
  ['', 'c.txt', 'c.txt'],
  ['/a//b/', '/c', 'a/b/c'],
  ['a', 'ü x/日本', 'a/ü x/日本'],
  ['a', '', 'a/'],
  ['', '', ''],
])('%j and %j → %j', (prefix, path, key) => {
  expect(objectKey(prefix, path)).toBe(key);
});

test('a name with a line end stays on its line of the log', () => {
  expect(shownUrl('b', 'a\n== STEP push\u2028x')).toBe('s3://b/a?== STEP push?x');
});

test.each([
  ['site/index.html', 'text/html'],
  ['app.JS', 'text/javascript'],
  ['logo.svg', 'image/svg+xml'],
  ['data.json', 'application/json'],
  ['app.wasm', 'application/wasm'],
  ['report.docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
  ['v1.2/binary', 'application/octet-stream'],
  ['.bashrc', 'application/octet-stream'],
  ['html', 'application/octet-stream'],
  ['x.unheard-of', 'application/octet-stream'],
])('%s is %s', (key, type) => {
  expect(contentType(key)).toBe(type);
});

test.each([PART_SIZE + 1, 50 * 2 ** 30, 5 * 2 ** 40])(
  'a file of %i bytes has at most 10,000 parts',
  (size) => {
    expect(Math.ceil(size / partSizeFor(size))).toBeLessThanOrEqual(10_000);
  },
);
