import type { Duplex } from 'node:stream';

/** gRPC's message frames: a zero byte (not compressed), the length in four bytes, the message. */
export const FRAME_HEADER = 5;
const BATCH = 64 * 1024;
/** Bytes of a piece on average, from which on to copy the pieces together costs more than to write each. */
const LARGE = 8 * 1024;

/** The messages that arrive on a stream. Returning early leaves the stream open for the answer. */
export async function* readFrames(stream: Duplex): AsyncGenerator<Buffer> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    pending = pending.length === 0 ? (chunk as Buffer) : Buffer.concat([pending, chunk as Buffer]);
    let at = 0;
    while (pending.length - at >= FRAME_HEADER) {
      const end = at + FRAME_HEADER + pending.readUInt32BE(at + 1);
      if (pending.length < end) break;
      yield pending.subarray(at + FRAME_HEADER, end);
      at = end;
    }
    pending = pending.subarray(at);
  }
}

type FrameWriter = {
  write: (message: Uint8Array) => void | Promise<void>;
  /** Takes frames as they are, in any pieces. Their bytes may not change any more. */
  writeFramed: (...pieces: readonly Uint8Array[]) => void | Promise<void>;
  /** Sends what waits and resolves when the stream takes more. */
  flush: () => Promise<void>;
};

/**
 * Writes messages in batches: at once where much waits, else at the end of the current turn of the event loop, so that twenty
 * thousand small messages cost a few hundred writes and none is ever kept back.
 */
export function frameWriter(stream: Duplex): FrameWriter {
  let waiting: Uint8Array[] = [];
  let size = 0;
  let scheduled = false;
  let full: Promise<void> | undefined;

  const flush = async () => {
    scheduled = false;
    if (size > 0) {
      const pieces = size >= LARGE * waiting.length ? waiting : [Buffer.concat(waiting, size)];
      waiting = [];
      size = 0;
      stream.cork();
      for (const piece of pieces) stream.write(piece);
      stream.uncork();
      if (stream.writableNeedDrain) full ??= writable(stream).finally(() => (full = undefined));
    }
    await full;
  };
  const push = (...pieces: readonly Uint8Array[]) => {
    for (const piece of pieces) size += piece.length;
    waiting.push(...pieces);
    if (size >= BATCH) return flush();
    if (!scheduled) {
      scheduled = true;
      // The stream's end shows in the next write or in the reader.
      setImmediate(() => {
        if (scheduled) flush().catch(() => undefined);
      });
    }
    return full;
  };
  const write = (message: Uint8Array) => {
    const header = Buffer.allocUnsafe(FRAME_HEADER);
    writeFrameHeader(header, 0, message.length);
    return push(header, message);
  };
  return { write, writeFramed: push, flush };
}

/** Writes what goes before a message of `length` bytes to `at`. */
export function writeFrameHeader(bytes: Buffer, at: number, length: number): void {
  bytes[at] = 0;
  bytes.writeUInt32BE(length, at + 1);
}

/** Resolves when the stream takes more, rejects when it never will. */
function writable(stream: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      stream.off('drain', settle).off('close', settle);
      if (stream.destroyed) reject(new Error('the engine closed the transfer'));
      else resolve();
    };
    if (stream.destroyed) settle();
    else stream.on('drain', settle).on('close', settle);
  });
}
