import { expect, test } from 'vitest';
import { statPacket } from '../../../../src/adapters/buildkit/fsutil.js';
import { asBytes, asNumber, readMessage } from '../../../../src/adapters/buildkit/wire.js';
import type { TreeEntry } from '../../../../src/model/tree.js';

const file = { type: 'file', path: 'a', mode: 0o644, size: 3, id: 'one', mtime: 1_700_000_000 } as const;

function statOf(entry: TreeEntry): Map<number, number | Buffer> {
  const stat = new Map<number, number | Buffer>();
  readMessage(statPacket(entry), (field, value) => {
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

test('the time keeps its second and moves with the content', () => {
  const times = ['one', 'two', 'one'].map((id) => asNumber(statOf({ ...file, id }).get(6)!));
  expect(times[0]).toBe(times[2]);
  expect(times[0]).not.toBe(times[1]);
  expect(times.map((time) => Math.floor(time / 1e9))).toEqual(Array(3).fill(file.mtime));
});
