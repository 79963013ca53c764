/**
 * What a caller wrote, as a message repeats it: in one line, of no more than `most` characters, and without what looks like a login. It
 * may be a secret that stands in the wrong place.
 */
export function shown(text: string, most = 80): string {
  // A password in a URL may hold blanks and quotes, which are why the URL is refused.
  const urls = text.replace(/:\/\/[^/]*@/g, '://***@');
  const masked = urls.replace(/[^\s']+/g, maskLogin).replace(/[\p{C}\u2028\u2029]/gu, '?');
  return masked.length > most ? `${masked.slice(0, most - 3)}...` : masked;
}

/** `user:password@`, also where it holds a slash, and `user@` of a URL; a digest (`name:tag@sha256:…`) is none. */
function maskLogin(word: string): string {
  const scheme = /^[A-Za-z][\w+.-]{0,20}:\/\//.exec(word)?.[0] ?? '';
  const rest = word.slice(scheme.length);
  const end = rest.lastIndexOf('@');
  if (end < 0) return word;
  const hasPassword = rest.slice(0, end).includes(':') && !rest.startsWith('@sha256:', end);
  const isUser = scheme !== '' && !rest.slice(0, end).includes('/');
  return hasPassword || isUser ? `${scheme}***${rest.slice(end)}` : word;
}

/** What moves a terminal's cursor or changes what it shows (C0 but for tabs and ends of lines, DEL, C1), and what turns text around. */
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text that may come from a repository, as a line of the runner's own has it: it says nothing to a terminal. */
export function harmless(text: string): string {
  return text.replace(CONTROL, '?');
}
