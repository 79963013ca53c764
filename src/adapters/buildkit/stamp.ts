import { createHash, createHmac } from 'node:crypto';
import type { FileEntry } from '../../model/tree.js';

/** How the engine tells what it keeps: of which place it is, and which contents its files have. */
export type ContextStamp = {
  /** Under which the engine keeps what it received. Another secret is another key: a lost one means a cold context, never a wrong one. */
  sharedKey: string;
  /** Stands for the content of a file at its path, below 10^9. */
  nanosecondsOf: (file: FileEntry) => number;
};

/**
 * The engine takes a file for unchanged when size, mode and mtime are what it kept, and the mtime's nanoseconds are all that says which
 * content it is: the seconds are in the hands of who commits. These are 30 bits of a keyed hash, since who may push to a repository could
 * search for other contents with the same bits of a hash that everybody can compute. A Dockerfile can read the nanoseconds of its own
 * context; that shows one hash for each build, as place and path go into it. Layers hold whole seconds, so nothing of it stays in an image.
 */
export function contextStamp(secret: Buffer, place: string): ContextStamp {
  const derive = (use: string) => createHmac('sha256', secret).update(`${use}\0${place}`);
  const block = Buffer.alloc(64); // one of SHA-256, so that the key is hashed once and not for each file
  derive('contents').digest().copy(block);
  const keyed = createHash('sha256').update(block);
  return {
    sharedKey: derive('shared key').digest('hex'),
    nanosecondsOf: ({ path, id }) =>
      keyed.copy().update(`${path}\0${id}`).digest().readUInt32BE(0) % 1_000_000_000,
  };
}
