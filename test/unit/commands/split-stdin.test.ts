import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitStdin } from '../../../src/commands/split-stdin.js';

const signal = new AbortController().signal;

function stdin(bytes: Buffer, size = bytes.length): Readable {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return Readable.from(pieces);
}

async function split(bytes: Buffer, { size = bytes.length, limit = 1000 } = {}) {
  const { text, rest } = await splitStdin(stdin(bytes, size), { limit, signal });
  return { text, rest: await buffer(rest) };
}

const archive = Buffer.from([0x1f, 0x8b, 0, 10, 0x2d, 0x2d, 0x2d, 10, 13, 10, 0xff]);

describe('a document and a context on one stdin', () => {
  it.each([
    ['a document', 'a: b\n', '---\n', 'a: b\n'],
    ['lines that end as on Windows', 'a: b\r\n', '---\r\n', 'a: b\r\n'],
    ['one that begins with the line too', '---\na: b\n', '---\n', '---\na: b\n'],
    ['comments before that', '# mine\n\n---\n{"a": 1}\n', '--- \n', '# mine\n\n---\n{"a": 1}\n'],
    ['a key in it', 'k: |\n  -----BEGIN KEY-----\n  --- \n---x\n', '---\n', 'k: |\n  -----BEGIN KEY-----\n'],
  ])('are parted by a line: %s', async (name, document, end, expected) => {
    for (const size of [1, 2, 3, 7, 1000]) {
      const { text, rest } = await split(Buffer.concat([Buffer.from(document + end), archive]), { size });
      expect(text.startsWith(expected)).toBe(true);
      if (name !== 'a key in it') expect(text).toBe(expected);
      expect(rest).toEqual(archive);
    }
  });

  it('are parted to the byte, whatever the chunks', async () => {
    const cut = fc.integer({ min: 1, max: 40 });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), cut, async (bytes, size) => {
        const { text, rest } = await split(Buffer.concat([Buffer.from('a: 1\n---\n'), bytes]), { size });
        expect([text, [...rest]]).toEqual(['a: 1\n', [...bytes]]);
      }),
    );
  });

  it('leave the context unread until it is asked for', async () => {
    let pulled = 0;
    const stream = new Readable({
      highWaterMark: 1,
      read() {
        pulled++;
        this.push(pulled === 1 ? 'a: 1\n---\n' : Buffer.alloc(1000));
      },
    });
    const { rest } = await splitStdin(stream, { limit: 1000, signal });
    await new Promise((resolve) => setImmediate(resolve));
    expect(pulled).toBeLessThanOrEqual(2);
    const { value } = await rest[Symbol.asyncIterator]().next();
    expect((value as Uint8Array).length % 1000).toBe(0);
  });

  it.each([
    ['at the end', 'a: b\n', 'the end of stdin'],
    ['before the archive', 'a: b\nfile\0\0\0', 'before the archive'],
    ['within the limit', 'a: b\n'.repeat(300), '1000 bytes'],
  ])('want that line %s', async (_, bytes, message) => {
    await expect(split(Buffer.from(bytes), { size: 100 })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(message) as string,
    });
  });

  it('are cancelled with the caller', async () => {
    const gone = new AbortController();
    const waiting = splitStdin(new Readable({ read() {} }), { limit: 10, signal: gone.signal });
    gone.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
