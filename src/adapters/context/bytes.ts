import { Failure } from '../../model/errors.js';

/** A stream of bytes that is asked for so many of them. */
export type Bytes = {
  /** The next `size` bytes, fewer where the stream ends before. They are read, or with `peek` only looked at. */
  take(size: number): Promise<Buffer>;
  peek(size: number): Promise<Buffer>;
  /** The next `size` bytes as they come, never copied. Throws the cut-off failure where there are fewer. */
  pieces(size: number): AsyncGenerator<Uint8Array>;
  /** All that is left. */
  rest(): AsyncGenerator<Uint8Array>;
  /** How many have been read. */
  position(): number;
};

/** `next` gives the next chunk, or undefined at the end. */
export function readBytes(next: () => Promise<Uint8Array | undefined>): Bytes {
  let held: Buffer = Buffer.alloc(0);
  let position = 0;
  const fill = async (size: number) => {
    while (held.length < size) {
      const chunk = await next();
      if (chunk === undefined) return;
      const more = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      held = held.length === 0 ? more : Buffer.concat([held, more]);
    }
  };
  const shift = (size: number): Buffer => {
    const taken = held.subarray(0, size);
    held = held.subarray(taken.length);
    position += taken.length;
    return taken;
  };
  return {
    async take(size) {
      if (held.length < size) await fill(size);
      return shift(size);
    },
    async peek(size) {
      await fill(size);
      return held.subarray(0, size);
    },
    async *pieces(size) {
      for (let left = size; left > 0;) {
        if (held.length === 0) await fill(1);
        const piece = shift(left);
        if (piece.length === 0) throw cutOff();
        left -= piece.length;
        yield piece;
      }
    },
    async *rest() {
      for (;;) {
        if (held.length === 0) await fill(1);
        if (held.length === 0) return;
        yield shift(held.length);
      }
    },
    position: () => position,
  };
}

/** The stream ended before the archive did: half a context must not look like a whole one. */
export function cutOff(cause?: unknown): Failure {
  return new Failure('SOURCE_FAILED', 'the context was cut off before the end of the archive', {
    hint: 'send it again',
    ...(cause !== undefined && { cause }),
  });
}

/** The context is not one, or holds what none may hold. `why` is a sentence. */
export function invalid(why: string, hint = 'send a tar archive of a build context'): Failure {
  return new Failure('TREE_INVALID', why, { hint });
}
