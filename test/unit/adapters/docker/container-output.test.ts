import fc from 'fast-check';
import { expect, test } from 'vitest';
import { followOutput } from '../../../../src/adapters/docker/container-output.js';
import type { StepEvent } from '../../../../src/model/events.js';

type Log = Extract<StepEvent, { type: 'log' }>;
type Write = { stream: 1 | 2; data: Buffer };

function frame({ stream, data }: Write): Buffer {
  const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(data.length, 4);
  return Buffer.concat([head, data]);
}

/** The bytes in pieces of these sizes, over and over. */
async function* pieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; at += sizes[i++ % sizes.length]!) {
    yield bytes.subarray(at, at + sizes[i % sizes.length]!);
  }
}

async function follow(chunks: AsyncIterable<Buffer>): Promise<Log[]> {
  const events: Log[] = [];
  await followOutput(chunks, (event) => void events.push(event as Log));
  return events;
}

function textOf(events: readonly Log[], stream: Log['stream']): string {
  return events.map((event) => (event.stream === stream ? event.text : '')).join('');
}

test('both streams come whole, however frames and characters are cut', async () => {
  const bytes = fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text));
  const write = fc.record({ stream: fc.constantFrom<1 | 2>(1, 2), data: bytes });
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(fc.array(write), sizes, fc.nat(3), async (writes, sizes, cut) => {
      // A writer may cut characters too.
      const cutWrites = writes.flatMap(({ stream, data }) => [
        { stream, data: data.subarray(0, cut) },
        { stream, data: data.subarray(cut) },
      ]);
      const events = await follow(pieces(Buffer.concat(cutWrites.map(frame)), sizes));
      for (const [number, name] of [[1, 'stdout'] as const, [2, 'stderr'] as const]) {
        const ofStream = writes.filter(({ stream }) => stream === number).map(({ data }) => data);
        const text = Buffer.concat(ofStream).toString();
        expect(textOf(events, name)).toBe(text === '' || text.endsWith('\n') ? text : `${text}\n`);
      }
      expect(events.every(({ text }) => text.endsWith('\n'))).toBe(true);
    }),
  );
});

test('what came at once goes on at once', async () => {
  const lines = Array.from({ length: 1000 }, (_, i) => Buffer.from(`${i}\n`));
  const all = Buffer.concat(lines.map((data) => frame({ stream: 1, data })));
  expect(await follow(pieces(all, [all.length]))).toHaveLength(1);
});

test('a line that does not end comes in pieces', async () => {
  const data = Buffer.alloc(10_000_000, 'é');
  const events = await follow(pieces(frame({ stream: 1, data }), [65_536]));
  expect(textOf(events, 'stdout')).toBe(`${data.toString()}\n`);
  expect(Math.max(...events.map(({ text }) => text.length))).toBeLessThan(200_000);
});

test('a stream cut inside a frame is the engine failing', async () => {
  const whole = frame({ stream: 1, data: Buffer.from('text') });
  for (const length of [3, 9]) {
    const failed = follow(pieces(whole.subarray(0, length), [100]));
    await expect(failed).rejects.toMatchObject({ code: 'ENGINE_FAILED', transient: true });
  }
});

test('nothing is read while the reader is slow', async () => {
  let given = 0;
  async function* endless() {
    for (; given < 100; given++) yield frame({ stream: 1, data: Buffer.from('x\n') });
  }
  const taken: number[] = [];
  await followOutput(endless(), async () => {
    const before = given;
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    taken.push(given - before);
  });
  expect(taken).toEqual(Array.from({ length: 100 }, () => 0));
});
