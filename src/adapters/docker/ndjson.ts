import type { Readable } from 'node:stream';

/**
 * Messages of the engine's progress streams: one JSON object a line. Yields what each chunk completed, together, since a million
 * awaits cost more than the parsing. Whole characters and whole lines whatever the chunks. Throws what the stream throws.
 */
export async function* readMessages<T extends object>(stream: Readable): AsyncGenerator<T[]> {
  let rest = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop() ?? '';
    const messages = lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as T);
    if (messages.length > 0) yield messages;
  }
  if (rest.trim() !== '') yield [JSON.parse(rest) as T];
}
