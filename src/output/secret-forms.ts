import { findsAny, searchTexts, type TextSearch } from './text-search.js';

/** What gives secrets away. */
export type SecretForms = {
  /** A secret in one of its spellings. */
  text: TextSearch;
  /** A secret of few characters, which stands in ordinary text by chance: it counts only as a word of its own. */
  word: TextSearch;
  /** A piece of base64 that holds a part of a secret: the whole run of base64 around it has to go. */
  base64: TextSearch;
  /** Whether `text` or `base64` would find something: one look at each character, and nearly always no. */
  suspects: (text: string) => boolean;
};

/**
 * The forms in which secrets leak in practice: as they are, each of their lines, percent-encoded, JSON-escaped, and inside base64
 * (which covers `user:password` in an Authorization header). undefined: there are no secrets.
 */
export function secretForms(secrets: Iterable<string>): SecretForms | undefined {
  const [texts, words, blocks] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const secret of new Set(secrets)) {
    for (const text of textForms(secret)) (text.length < SHORT ? words : texts).add(text);
    for (const block of base64Blocks(secret)) blocks.add(block);
  }
  if (texts.size + words.size === 0) return undefined;
  const isWord = (text: string, { start, end }: { start: number; end: number }) =>
    !isLetterOrDigit(text, start - 1) && !isLetterOrDigit(text, end);
  return {
    text: atFirstUse(() => searchTexts(texts)),
    word: searchTexts(words, isWord),
    base64: atFirstUse(() => searchTexts(blocks)),
    suspects: findsAny(new Set([...texts, ...blocks])),
  };
}

/** Most builds never say a secret. */
function atFirstUse(make: () => TextSearch): TextSearch {
  let search: TextSearch | undefined;
  return (text) => (search ??= make())(text);
}

/** Below this many characters a value is a word. */
const SHORT = 6;

/** The most characters that are looked for. Longer texts are looked for in pieces, which find a part of a secret as well. */
export const LONGEST = 64;

function textForms(secret: string): string[] {
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  // A key's armour (-----BEGIN …-----) and the braces of a JSON key are no secret, and stand in many harmless texts.
  const telling = lines.filter((line) => line.length >= SHORT && !/^-{3,}[^-]*-{3,}$/.test(line));
  const pieces = [secret.trim(), ...(lines.length > 1 ? telling : [])].filter((piece) => piece !== '');
  return pieces.flatMap(spellings).flatMap(cut);
}

// Neighbours share a character, so that a whole secret is found as one. White space alone gives nothing away.
function cut(text: string): string[] {
  if (text.length <= LONGEST) return [text];
  const pieces: string[] = [];
  for (let at = 0; at < text.length - 1; at += LONGEST - 1) {
    const start = Math.min(at, text.length - LONGEST);
    pieces.push(text.slice(start, start + LONGEST));
  }
  return pieces.filter((piece) => piece.trim() !== '');
}

function spellings(text: string): string[] {
  const encoded = encodeURIComponent(text.toWellFormed());
  return [
    ...new Set([
      text,
      encoded,
      encoded.toLowerCase(),
      encoded.replaceAll('%20', '+'),
      JSON.stringify(text).slice(1, -1),
    ]),
  ];
}

/**
 * Characters of one piece of base64 that gives a secret away, and how far apart the pieces begin: 15 characters in a row hold one,
 * and 43 of a secret of many kilobytes.
 */
const BLOCK = 12;
const STEP = 4;
const MANY = 2 ** 13;
const LONG_STEP = 32;

// The base64 of anything + secret + anything has a middle that depends on the secret alone, at three alignments. It is looked for in
// pieces, since base64 is usually wrapped into lines, and where it is wrapped nobody knows.
function base64Blocks(secret: string): string[] {
  const bytes = Buffer.from(secret.trim());
  if (bytes.length < SHORT) return [];
  return [0, 1, 2].flatMap((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const core = text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
    const blocks = [core.slice(-BLOCK)];
    const step = core.length > MANY ? LONG_STEP : STEP;
    for (let at = 0; at + BLOCK <= core.length; at += step) blocks.push(core.slice(at, at + BLOCK));
    return blocks.flatMap((block) => [block, block.replaceAll('+', '-').replaceAll('/', '_')]);
  });
}

function isLetterOrDigit(text: string, at: number): boolean {
  return /[A-Za-z0-9]/.test(text.charAt(at));
}
