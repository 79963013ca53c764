import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readMessages } from '../../../../src/adapters/docker/ndjson.js';

async function readAll(chunks: Buffer[]): Promise<object[]> {
  const messages: object[] = [];
  const stream = Readable.from(chunks, { objectMode: false });
  for await (const batch of readMessages<object>(stream)) messages.push(...batch);
  return messages;
}

test('messages survive any cut, also within a character', async () => {
  const text = fc.string({ unit: 'grapheme' });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ stream: text })),
      fc.integer({ min: 1, max: 9 }),
      async (sent, size) => {
        const bytes = Buffer.from(sent.map((message) => `${JSON.stringify(message)}\r\n`).join(''));
        const chunks: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
        expect(await readAll(chunks)).toEqual(sent);
      },
    ),
  );
});

test('the last message needs no line end', async () => {
  expect(await readAll([Buffer.from('{"a":1}\n\n{"b":2}')])).toEqual([{ a: 1 }, { b: 2 }]);
});

test('what is no JSON is an error', async () => {
  await expect(readAll([Buffer.from('<html>\n')])).rejects.toThrow(SyntaxError);
});
