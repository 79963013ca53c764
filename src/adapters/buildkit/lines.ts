import { StringDecoder } from 'node:string_decoder';

/** A line that never ends is cut here rather than kept in memory. */
const LONGEST = 1024 * 1024;

/** Makes whole lines of bytes that arrive cut anywhere, also within a character. */
export type LineSplitter = {
  /** The lines that are complete now, without their line ends. */
  push(data: Buffer): string[];
  /** What is left when nothing more will come. */
  flush(): string[];
  /** Whether a line has begun and not ended. */
  partial(): boolean;
};

export function lineSplitter(): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  // Not told from `rest`: the decoder may hold the first bytes of a line's first character.
  let partial = false;
  return {
    push(data) {
      if (data.length > 0) partial = data.at(-1) !== 0x0a;
      const lines = (rest + decoder.write(data)).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LONGEST) {
        lines.push(rest);
        rest = '';
      }
      return lines;
    },
    flush() {
      const last = rest + decoder.end();
      rest = '';
      partial = false;
      return last === '' ? [] : [last];
    },
    partial: () => partial,
  };
}
