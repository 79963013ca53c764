import stringWidth from 'string-width';

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const ASCII = /^[ -~]*$/;
/** Code units to a column: an emoji of a whole family has some, a letter under a thousand accents too many. */
const UNITS = 8;

/** As much of printable text as fits into so many columns. A wide character that would be cut is left out. */
export function fit(text: string, columns: number): string {
  if (columns <= 0) return '';
  const head = text.slice(0, columns * UNITS);
  if (ASCII.test(head)) return head.slice(0, columns);
  let [fitting, width] = ['', 0];
  for (const { segment } of graphemes.segment(head.toWellFormed())) {
    width += stringWidth(segment);
    if (width > columns) break;
    fitting += segment;
  }
  return fitting;
}
