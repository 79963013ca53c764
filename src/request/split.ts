import { Failure } from '../model/errors.js';

/**
 * An SSH exec request is one string (RFC 4254 §6.5): the client has joined its arguments with spaces. Splits it into words as a
 * POSIX shell would, and does nothing else that a shell does: no expansion, no operators, no globbing.
 */
export function splitCommand(text: string): string[] {
  if (/[\0-\x08\x0b-\x1f\x7f]/.test(text.replaceAll('\r\n', '\n'))) {
    throw new Failure('USAGE', 'the command holds control characters', { hint: 'send plain text' });
  }
  const words: string[] = [];
  let rest = text.replace(BLANKS, '');
  while (rest.length > 0) {
    const { word, length } = readWord(rest);
    words.push(word);
    rest = rest.slice(length).replace(BLANKS, '');
  }
  return words;
}

/** The words of a command line; none where it cannot be split. */
export function wordsOf(text: string): readonly string[] {
  try {
    return splitCommand(text);
  } catch (error) {
    if (error instanceof Failure) return [];
    throw error;
  }
}

/** Others, such as a no-break space, are characters of a word. */
const BLANKS = /^[ \t\r\n]+/;

/** What one piece of a word looks like, and the text that it stands for. */
const PIECES: [RegExp, (piece: string) => string][] = [
  [/^'[^']*'/, (piece) => piece.slice(1, -1)],
  [
    /^"(?:[^"\\]|\\[^])*"/,
    (piece) => piece.slice(1, -1).replace(/\\(["\\$`])|\\\n/g, (_, char: string | undefined) => char ?? ''),
  ],
  [/^\\[^]/, (piece) => (piece === '\\\n' ? '' : piece.slice(1))],
  [/^[^ \t\r\n'"\\]+/, (piece) => piece],
];

function readWord(text: string): { word: string; length: number } {
  let word = '';
  let length = 0;
  while (length < text.length && !/[ \t\r\n]/.test(text[length]!)) {
    const rest = text.slice(length);
    const found = PIECES.find(([pattern]) => pattern.test(rest));
    if (!found)
      throw new Failure('USAGE', 'a quote is not closed', {
        hint: 'close it; what stands in it is not shown',
      });
    const piece = found[0].exec(rest)![0];
    word += found[1](piece);
    length += piece.length;
  }
  return { word, length };
}
