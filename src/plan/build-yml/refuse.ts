import { LineCounter } from 'yaml';
import { Failure } from '../../model/errors.js';

/** The keys (and list positions) that lead to a value. */
export type Path = readonly (string | number)[];

/** Where in the file something is wrong. `offset` counts UTF-16 units from the start of the text. */
export type Place = { offset: number; path: Path };

/** Makes the one line that the caller sees: file, line, column, key, and `why`. */
export type Refuse = (place: Place, why: string) => Failure;

export function refuseIn(name: NamePlace): Refuse {
  return (place, why) => new Failure('BUILD_YML_INVALID', `${name(place)}: ${visible(shorten(why, 400))}`);
}

/** How messages name a place: `build.yml:3:12: redis.revfile`. */
export type NamePlace = (place: Place) => string;

export function placesIn(file: string, text: string): NamePlace {
  const lines = lineStarts(text);
  return ({ offset, path }) => {
    const { line, col } = lines.linePos(offset);
    const key = path.length === 0 ? '' : `: ${shorten(path.join('.'), 120)}`;
    return visible(`${file}:${line}:${col}${key}`);
  };
}

// Not the parser's own: what it has not read yet has a line as well.
function lineStarts(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  return lines;
}

/** A text as it is shown in a message. */
export function quote(text: string): string {
  return `'${shorten(text, 60)}'`;
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text;
}

// A repository's text must not move a reader's cursor.
function visible(text: string): string {
  return text.replace(/[\p{C}\u2028\u2029]/gu, '?');
}
