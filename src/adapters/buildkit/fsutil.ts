import { createHash } from 'node:crypto';
import type { FileEntry, TreeEntry } from '../../model/tree.js';
import { asNumber, asText, readMessage, writeMessage } from './wire.js';

/** Messages of BuildKit's file transfer (tonistiigi/fsutil, types/wire.proto and types/stat.proto). */
const packetType = { stat: 0, request: 1, data: 2, finish: 3, error: 4 } as const;

/** Bits of Go's os.FileMode (pkg.go.dev/io/fs#FileMode), which are not those of stat(2). */
const goMode = {
  directory: 0x8000_0000,
  symlink: 0x0800_0000,
  setuid: 0x0080_0000,
  setgid: 0x0040_0000,
  sticky: 0x0010_0000,
};

/** What the engine sends while it receives files. `id` counts the stat packets from 0. */
type ReceiverPacket =
  | { kind: 'request'; id: number }
  | { kind: 'finish' }
  | { kind: 'error'; message: string }
  | { kind: 'other' };

export function readPacket(message: Buffer): ReceiverPacket {
  let type: number = packetType.stat;
  let id = 0;
  let data = '';
  readMessage(message, (field, value) => {
    if (field === 1) type = asNumber(value);
    else if (field === 3) id = asNumber(value);
    else if (field === 4) data = asText(value);
  });
  if (type === packetType.request) return { kind: 'request', id };
  if (type === packetType.finish) return { kind: 'finish' };
  if (type === packetType.error) return { kind: 'error', message: data };
  return { kind: 'other' };
}

export const endOfStats: Uint8Array = Buffer.alloc(0);
export const finishPacket: Uint8Array = writeMessage().integer(1, packetType.finish).finish();

/** A piece of a file; without bytes: its end. */
export function dataPacket(id: number, data: Uint8Array): Buffer {
  return writeMessage().integer(1, packetType.data).integer(3, id).bytes(4, data).finish();
}

/** An entry's metadata. Owner and group are root, as they are in every context that a builder sees. */
export function statPacket(entry: TreeEntry): Buffer {
  const stat = writeMessage().text(1, entry.path).integer(2, modeOf(entry));
  if (entry.type === 'file') stat.integer(5, entry.size);
  stat.integer(6, modificationTime(entry));
  if (entry.type === 'symlink') stat.text(7, entry.target);
  return writeMessage().bytes(2, stat.finish()).finish();
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

/** Nanoseconds since the epoch: the entry's second, and for a file a fraction that stands for its content. */
function modificationTime(entry: TreeEntry): bigint {
  const seconds = BigInt(entry.mtime) * 1_000_000_000n;
  return entry.type === 'file' ? seconds + BigInt(contentNanoseconds(entry)) : seconds;
}

/**
 * The engine takes a file for unchanged when size, mode and mtime are what it kept: a change of the content within one second
 * that keeps the size must move the mtime, and 30 bits of the content's name do. Layers hold whole seconds, so it stays inside.
 */
function contentNanoseconds({ id }: FileEntry): number {
  return createHash('sha1').update(id).digest().readUInt32BE(0) % 1_000_000_000;
}
