import type { Readable } from 'node:stream';

/**
 * Messages of the engine's progress streams: one JSON object a line. Yields what each chunk completed, together, since a million
 * awaits cost more than the parsing. Whole characters and whole lines whatever the chunks. Throws what the stream throws.
 */
export async function* readMessages<T extends object>(stream: Readable): AsyncGenerator<T[]> {
  let rest = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    const text = rest + (chunk as string);
    const end = text.lastIndexOf('\n') + 1;
    rest = text.slice(end);
    const messages = parseMessages<T>(text.slice(0, end));
    if (messages.length > 0) yield messages;
  }
  const last = parseMessages<T>(rest);
  if (last.length > 0) yield last;
}

function parseMessages<T extends object>(lines: string): T[] {
  const text = lines.trim();
  if (text === '') return [];
  try {
    // All at once: a million calls cost more than the parsing. Within a message a line's end is escaped.
    return JSON.parse(`[${text.replaceAll('\n', ',')}]`) as T[];
  } catch {
    // An empty line between two messages, or what is no JSON.
    return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line) as T]));
  }
}
