import type { FileEntry, TreeEntry } from '../../model/tree.js';
import { writeFrameHeader, FRAME_HEADER } from './frames.js';

/** Bytes of a batch. */
const BATCH = 64 * 1024;
/** More than all of a stat takes but its texts. */
const FIXED = 96;
/** Go's time.Time has its nanoseconds since the epoch in 64 bits: the last whole second, in 2262. */
const LATEST = 9_223_372_035;

/** Bits of Go's os.FileMode (pkg.go.dev/io/fs#FileMode), which are not those of stat(2). */
const goMode = {
  directory: 0x8000_0000,
  symlink: 0x0800_0000,
  setuid: 0x0080_0000,
  setgid: 0x0040_0000,
  sticky: 0x0010_0000,
};

/** A buffer that is being filled. */
type Cursor = { bytes: Buffer; at: number };

/**
 * The stat packets of `entries` (tonistiigi/fsutil, types/wire.proto and types/stat.proto), many gRPC frames to a batch: written straight
 * into one buffer, since a tree has many. Owner and group are root, as they are in every context that a builder sees.
 */
export function* statBatches(
  entries: readonly TreeEntry[],
  nanosecondsOf: (file: FileEntry) => number,
): Generator<Buffer> {
  let batch: Cursor = { bytes: Buffer.allocUnsafe(BATCH), at: 0 };
  for (const entry of entries) {
    const most = FIXED + 3 * (entry.path.length + (entry.type === 'symlink' ? entry.target.length : 0));
    if (batch.at + most > batch.bytes.length) {
      if (batch.at > 0) yield batch.bytes.subarray(0, batch.at);
      batch = { bytes: Buffer.allocUnsafe(Math.max(BATCH, most)), at: 0 };
    }
    putPacket(batch, entry, entry.type === 'file' ? nanosecondsOf(entry) : 0);
  }
  if (batch.at > 0) yield batch.bytes.subarray(0, batch.at);
}

/** Room for what goes before a stat and is known after it: the frame's header, a field's key and a length. */
const ROOM = FRAME_HEADER + 6;

function putPacket(batch: Cursor, entry: TreeEntry, nanoseconds: number): void {
  const start = batch.at;
  batch.at += ROOM;
  putStat(batch, entry, nanoseconds);
  const end = batch.at;
  const size = end - start - ROOM;
  batch.at = start + FRAME_HEADER;
  putInteger(batch, 2 * 8 + 2);
  putInteger(batch, size);
  writeFrameHeader(batch.bytes, start, batch.at + size - start - FRAME_HEADER);
  batch.bytes.copyWithin(batch.at, start + ROOM, end);
  batch.at += size;
}

function putStat(batch: Cursor, entry: TreeEntry, nanoseconds: number): void {
  putText(batch, 1, entry.path);
  putField(batch, 2, modeOf(entry));
  if (entry.type === 'file' && entry.size > 0) putField(batch, 5, entry.size);
  putTime(batch, 6, { seconds: Math.min(entry.mtime, LATEST), nanoseconds });
  if (entry.type === 'symlink') putText(batch, 7, entry.target);
}

function modeOf(entry: TreeEntry): number {
  if (entry.type === 'symlink') return goMode.symlink + 0o777;
  const { mode } = entry;
  const special =
    (mode & 0o4000 ? goMode.setuid : 0) +
    (mode & 0o2000 ? goMode.setgid : 0) +
    (mode & 0o1000 ? goMode.sticky : 0);
  return (mode & 0o777) + special + (entry.type === 'directory' ? goMode.directory : 0);
}

function putText(batch: Cursor, field: number, text: string): void {
  putInteger(batch, field * 8 + 2);
  putInteger(batch, Buffer.byteLength(text));
  batch.at += batch.bytes.write(text, batch.at);
}

function putField(batch: Cursor, field: number, value: number): void {
  putInteger(batch, field * 8);
  putInteger(batch, value);
}

/** A base-128 integer below 2^53. */
function putInteger(batch: Cursor, value: number): void {
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) batch.bytes[batch.at++] = (rest % 128) | 0x80;
  batch.bytes[batch.at++] = rest;
}

/** Nanoseconds since the epoch, which do not fit a number: the lowest five groups of seven bits go first, then those above. */
function putTime(
  batch: Cursor,
  field: number,
  { seconds, nanoseconds }: { seconds: number; nanoseconds: number },
): void {
  // In two halves, each of which a number holds exactly: seconds = 2^16 * high + low.
  const high = Math.floor(seconds / 65_536) * 1e9;
  const low = (seconds % 65_536) * 1e9 + nanoseconds + (high % 2 ** 19) * 65_536;
  const above = Math.floor(high / 2 ** 19) + Math.floor(low / 2 ** 35);
  putInteger(batch, field * 8);
  if (above === 0) return putInteger(batch, low);
  for (let rest = low % 2 ** 35, group = 0; group < 5; rest = Math.floor(rest / 128), group++)
    batch.bytes[batch.at++] = (rest % 128) | 0x80;
  putInteger(batch, above);
}
