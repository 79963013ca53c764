import { expect, test } from 'vitest';
import { parsePointer } from '../../../../../src/adapters/git/lfs/pointer.js';

const oid = '0123456789abcdef'.repeat(4);
const text = (version: string, rest = `oid sha256:${oid}\nsize 12345\n`) => `version ${version}\n${rest}`;
const V1 = 'https://git-lfs.github.com/spec/v1';

test.each([
  text(V1),
  text(V1).trimEnd(),
  text(V1).replaceAll('\n', '\r\n'),
  text('https://hawser.github.com/spec/v1'),
])('%j is a pointer', (pointer) => {
  expect(parsePointer(pointer, 'a')).toEqual({ oid, size: 12345 });
});

test.each([
  '',
  'hello',
  text('https://evil.example/spec/v1'),
  text(V1, `size 1\noid sha256:${oid}\n`),
  text(V1, `oid sha256:${oid.toUpperCase()}\nsize 1\n`),
  text(V1, `oid sha256:../../../../etc/passwd\nsize 1\n`),
  text(V1, `oid sha256:${oid}\nsize -1\n`),
  text(V1, `oid sha256:${oid}\nsize 1\nmore\n`),
  ` ${text(V1)}`,
])('%j is none', (pointer) => {
  expect(parsePointer(pointer, 'a')).toBe(undefined);
});

test('one with an extension is refused', () => {
  const extended = text(V1, `ext-0-case sha256:${oid}\noid sha256:${oid}\nsize 1\n`);
  expect(() => parsePointer(extended, 'dir/a')).toThrow(
    expect.objectContaining({ code: 'SOURCE_FAILED', message: expect.stringContaining("'dir/a'") }),
  );
});
