import { StringDecoder } from 'node:string_decoder';

/** Characters of a line that are kept until it ends; a longer one is passed on in pieces. */
const LONGEST_LINE = 65_536;

/** A line without its line end, or a part of a long one. */
export type Piece = { text: string; begins: boolean; ends: boolean };

/** Makes whole lines of bytes that arrive cut anywhere, also within a character. */
export type LineSplitter = {
  /** The lines that are complete now, and what there is of one that is long. */
  push(data: Buffer): Piece[];
  /** What is left when nothing more will come. */
  flush(): Piece[];
  /** Whether a line has begun and not ended. */
  partial(): boolean;
  /** Whether a piece of a line was passed on, and its end was not. */
  open(): boolean;
};

export function lineSplitter(): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  // Not told from `rest`: the decoder may hold the first bytes of a line's first character.
  let partial = false;
  let open = false;
  const piece = (text: string, ends: boolean): Piece => {
    const begins = !open;
    open = !ends;
    return { text, begins, ends };
  };
  return {
    push(data) {
      if (data.length > 0) partial = data.at(-1) !== 0x0a;
      const lines = (rest + decoder.write(data)).split('\n');
      rest = lines.pop() ?? '';
      const pieces = lines.map((line) => piece(line, true));
      if (rest.length > LONGEST_LINE) {
        pieces.push(piece(rest, false));
        rest = '';
      }
      return pieces;
    },
    flush() {
      const last = rest + decoder.end();
      rest = '';
      partial = false;
      return last === '' && !open ? [] : [piece(last, true)];
    },
    partial: () => partial,
    open: () => open,
  };
}
