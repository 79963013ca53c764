import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contextStamp } from '../../../../src/adapters/buildkit/stamp.js';
import { statBatches } from '../../../../src/adapters/buildkit/stats.js';
import { asBytes, readMessage, writeMessage } from '../../../../src/adapters/buildkit/wire.js';
import type { FileEntry, TreeEntry } from '../../../../src/model/tree.js';

const file = { type: 'file', path: 'a', mode: 0o644, size: 3, id: 'one', mtime: 1_700_000_000 } as const;

/** The messages in gRPC frames. */
function messages(
  entries: readonly TreeEntry[],
  nanosecondsOf: (file: FileEntry) => number = () => 5,
): Buffer[] {
  const bytes = Buffer.concat([...statBatches(entries, nanosecondsOf)]);
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 5 + found.at(-1)!.length) {
    expect(bytes[at]).toBe(0);
    found.push(bytes.subarray(at + 5, at + 5 + bytes.readUInt32BE(at + 1)));
  }
  return found;
}

function statOf(entry: TreeEntry): Map<number, number | Buffer> {
  const stat = new Map<number, number | Buffer>();
  readMessage(messages([entry])[0]!, (field, value) => {
    expect(field).toBe(2);
    readMessage(asBytes(value), (key, part) => stat.set(key, part));
  });
  return stat;
}

test('modes are those of Go', () => {
  const modes = (
    [
      file,
      { ...file, mode: 0o4755 },
      { type: 'directory', path: 'd', mode: 0o1777, mtime: 0 },
      { type: 'symlink', path: 'l', target: 'a', mtime: 0 },
    ] as const
  ).map((entry) => statOf(entry).get(2));
  expect(modes).toEqual([0o644, 0x0080_0000 + 0o755, 0x8010_0000 + 0o777, 0x0800_0000 + 0o777]);
});

test('many entries of any length and time come out as protobuf has them', () => {
  const entry = fc.record({
    path: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60_000 }),
    size: fc.maxSafeNat(),
    mtime: fc.oneof(fc.nat(4_000_000_000), fc.nat(20), fc.constant(9_223_372_035)),
    nanoseconds: fc.nat(999_999_999),
  });
  fc.assert(
    fc.property(fc.array(entry), (given) => {
      const files = given.map((one): FileEntry & { nanoseconds: number } => ({ ...file, ...one }));
      const expected = files.map(({ path, size, mtime, nanoseconds }) => {
        const time = BigInt(mtime) * 1_000_000_000n + BigInt(nanoseconds);
        const stat = writeMessage().text(1, path).integer(2, 0o644).integer(5, size).integer(6, time);
        return writeMessage().bytes(2, stat.finish()).finish();
      });
      const made = messages(files, (one) => (one as (typeof files)[number]).nanoseconds);
      // proto3 leaves a zero out, and may have it.
      const isZero = ({ mtime, nanoseconds }: (typeof files)[number]) => mtime + nanoseconds === 0;
      expect(made.filter((_, index) => !isZero(files[index]!))).toEqual(
        expected.filter((_, index) => !isZero(files[index]!)),
      );
    }),
    { numRuns: 40 },
  );
});

test('the nanoseconds are those of one content at one path of one place under one secret', () => {
  const secret = Buffer.alloc(32, 1);
  const stamp = contextStamp(secret, 'place');
  const others = [
    stamp.nanosecondsOf({ ...file, id: 'two' }),
    stamp.nanosecondsOf({ ...file, path: 'b' }),
    contextStamp(secret, 'elsewhere').nanosecondsOf(file),
    contextStamp(Buffer.alloc(32, 2), 'place').nanosecondsOf(file),
  ];
  expect(others).not.toContain(stamp.nanosecondsOf(file));
  expect(contextStamp(secret, 'place').nanosecondsOf({ ...file, mtime: 1 })).toBe(stamp.nanosecondsOf(file));
});

test('another secret is another place to the engine', () => {
  const keys = [1, 2, 1].map((byte) => contextStamp(Buffer.alloc(32, byte), 'place').sharedKey);
  expect(keys[0]).toBe(keys[2]);
  expect(keys[0]).not.toBe(keys[1]);
});
