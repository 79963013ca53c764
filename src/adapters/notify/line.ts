/**
 * Text of strangers (commit messages, answers of servers) → one line without control characters, of at most
 * `limit` UTF-16 units.
 */
export function oneLine(text: string, limit: number): string {
  const line = text.replace(/[\u0000-\u0020\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
  if (line.length <= limit) return line;
  // Half a surrogate pair is no character.
  return `${line.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** The subject of a commit message. */
export function firstLine(message: string): string {
  return oneLine(message.trimStart().split(/[\r\n]/, 1)[0] ?? '', 120);
}
