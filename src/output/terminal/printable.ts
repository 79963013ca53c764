import stringWidth from 'string-width';

/**
 * Escape sequences (ECMA-48), also those with 8-bit introducers; of strings (OSC, DCS, …) what they hold too. No class meets its
 * neighbour, so hostile text costs linear time.
 */
const SEQUENCE =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?/g;
/** C0, DEL, C1, and what turns the direction of text or breaks a line in Unicode. */
const CONTROL = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const TAB = 8;

/**
 * A line of a build's output as text that cannot move the cursor: without escape sequences (colours too), with blanks for tabs. Of a
 * line that was written over again and again (`\r`) the last state.
 */
export function printable(line: string): string {
  const text = lastState(line.replace(SEQUENCE, ''));
  return expandTabs(text).replace(CONTROL, '').toWellFormed();
}

/** The same for text of several lines. */
export function printableLines(text: string): string[] {
  return text.replace(/\n$/, '').split('\n').map(printable);
}

/** JSON that means the same and shows no control character. */
export function escapeControls(json: string): string {
  return json.replace(CONTROL, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function lastState(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === '\r') end--;
  return end === 0 ? '' : text.slice(text.lastIndexOf('\r', end - 1) + 1, end);
}

function expandTabs(text: string): string {
  if (!text.includes('\t')) return text;
  const [first = '', ...rest] = text.split('\t');
  let column = stringWidth(first);
  let expanded = first;
  for (const part of rest) {
    const blanks = TAB - (column % TAB);
    expanded += ' '.repeat(blanks) + part;
    column += blanks + stringWidth(part);
  }
  return expanded;
}
