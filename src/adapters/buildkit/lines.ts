import { StringDecoder } from 'node:string_decoder';

/** Characters of a line that are kept until it ends; a longer one is passed on in pieces. */
const LONGEST_LINE = 65_536;

/** Holds back the last line of a text until it has ended; a long one is passed on in pieces. */
export type WholeLines = {
  /** The text up to the last line end, and what there is of a line that is long. */
  push(text: string): string;
  /** The last line when nothing more will come, ended where it was not. */
  flush(): string;
};

export function wholeLines(): WholeLines {
  let rest = '';
  // A piece of the line that `rest` belongs to is out already.
  let open = false;
  return {
    push(text) {
      const end = text.lastIndexOf('\n') + 1;
      const complete = end === 0 ? '' : rest + text.slice(0, end);
      rest = end === 0 ? rest + text : text.slice(end);
      if (end > 0) open = false;
      if (rest.length <= LONGEST_LINE) return complete;
      const piece = rest;
      [rest, open] = ['', true];
      return complete + piece;
    },
    flush() {
      const last = rest === '' && !open ? '' : `${rest}\n`;
      [rest, open] = ['', false];
      return last;
    },
  };
}

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
  const whole = wholeLines();
  // Not told from the text: the decoder may hold the first bytes of a line's first character.
  let partial = false;
  let open = false;
  const piece = (text: string, ends: boolean): Piece => {
    const begins = !open;
    open = !ends;
    return { text, begins, ends };
  };
  const pieces = (text: string): Piece[] => {
    const lines = text.split('\n');
    const last = lines.pop() ?? '';
    const ended = lines.map((line) => piece(line, true));
    return last === '' ? ended : [...ended, piece(last, false)];
  };
  return {
    push(data) {
      if (data.length > 0) partial = data.at(-1) !== 0x0a;
      return pieces(whole.push(decoder.write(data)));
    },
    flush() {
      partial = false;
      return pieces(whole.push(decoder.end()) + whole.flush());
    },
    partial: () => partial,
    open: () => open,
  };
}
