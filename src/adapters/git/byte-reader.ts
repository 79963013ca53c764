/** Reads a stream of bytes by lines and by counted bodies. */
export interface ByteReader {
  /** The next line, without its line end. */
  line(): Promise<string>;
  /** The next `count` bytes, as they come. */
  take(count: number): AsyncIterable<Buffer>;
  /** Passes over what the last `take` has not given. */
  skipRest(): Promise<void>;
}

const LINE_END = 0x0a;
const NOTHING = Buffer.alloc(0);

/** `ended` gives the error for a stream that ends within a line or a body. */
export function createByteReader(stream: AsyncIterable<Buffer>, ended: () => Promise<unknown>): ByteReader {
  const chunks = stream[Symbol.asyncIterator]();
  let rest: Buffer = NOTHING;
  let left = 0;
  const more = async (): Promise<Buffer> => {
    const next = await chunks.next().catch(() => ({ done: true as const }));
    if (next.done === true) throw await ended();
    return next.value;
  };
  const piece = async (): Promise<Buffer> => {
    if (rest.length === 0) rest = await more();
    const given = rest.subarray(0, left);
    rest = rest.subarray(given.length);
    left -= given.length;
    return given;
  };
  return {
    async line() {
      let end: number;
      while ((end = rest.indexOf(LINE_END)) < 0) rest = Buffer.concat([rest, await more()]);
      const text = rest.toString('utf8', 0, end);
      rest = rest.subarray(end + 1);
      return text;
    },
    take(count) {
      left = count;
      return (async function* () {
        while (left > 0) yield await piece();
      })();
    },
    async skipRest() {
      while (left > 0) await piece();
    },
  };
}
