import type { Readable } from 'node:stream';

const [NEWLINE, BLANK, COMMA, OPEN, CLOSE] = [0x0a, 0x20, 0x2c, 0x5b, 0x5d];

/**
 * Messages of the engine's progress streams: one JSON object a line. Yields what each chunk completed, together, since a million
 * awaits cost more than the parsing. Whole characters and whole lines whatever the chunks. Throws what the stream throws.
 */
export async function* readMessages<T extends object>(stream: Readable): AsyncGenerator<T[]> {
  /** Of a line that has not ended. */
  let begun: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    const rest = chunk.subarray(end);
    if (end === 0) begun.push(rest);
    else {
      const messages = parseMessages<T>([...begun, chunk.subarray(0, end)]);
      begun = rest.length > 0 ? [rest] : [];
      if (messages.length > 0) yield messages;
    }
  }
  const last = parseMessages<T>(begun);
  if (last.length > 0) yield last;
}

function parseMessages<T extends object>(pieces: readonly Buffer[]): T[] {
  try {
    return parseAtOnce<T>(pieces);
  } catch {
    // An empty line between two messages, or what is no JSON.
    const lines = Buffer.concat(pieces).toString().split('\n');
    return lines.flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line) as T]));
  }
}

/**
 * As one array: a million calls cost more than the parsing. It is made of bytes, outside of the collector's heap, where each copy of a
 * long text would cost a collection. Within a message a line's end is escaped.
 */
function parseAtOnce<T>(pieces: readonly Buffer[]): T[] {
  const bytes = Buffer.concat([Buffer.of(OPEN), ...pieces, Buffer.of(CLOSE)]);
  const last = bytes.length - 2;
  if (bytes[last] === NEWLINE) bytes[last] = BLANK;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) bytes[at] = COMMA;
  return JSON.parse(bytes.toString()) as T[];
}
