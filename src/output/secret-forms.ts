/** A pattern for one form of a secret, and how many characters it can match at most. */
export type SecretForm = { source: string; length: number };

/**
 * The forms in which a secret leaks in practice: as it is, each of its lines, percent-encoded, JSON-escaped, and inside base64 at any
 * of the three alignments (which covers `user:password` in an Authorization header). Longest first.
 */
export function secretForms(secrets: Iterable<string>): SecretForm[] {
  const forms = new Map<string, SecretForm>();
  for (const secret of new Set(secrets)) {
    for (const form of textForms(secret)) forms.set(form.source, form);
    for (const form of base64Forms(secret)) forms.set(form.source, form);
  }
  return [...forms.values()].toSorted((a, b) => b.length - a.length);
}

/** Below this many characters a value stands in ordinary text by chance: it is replaced only as a word of its own. */
const SHORT = 6;

function textForms(secret: string): SecretForm[] {
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  // A key's armour (-----BEGIN …-----) and the braces of a JSON key are no secret, and stand in many harmless texts.
  const telling = lines.filter((line) => line.length >= SHORT && !/^-{3,}[^-]*-{3,}$/.test(line));
  const pieces = [secret.trim(), ...(lines.length > 1 ? telling : [])].filter((piece) => piece !== '');
  return pieces.flatMap(spellings).map((text) => {
    const source = escapeRegExp(text);
    if (text.length >= SHORT) return { source, length: text.length };
    return { source: `(?<![A-Za-z0-9])${source}(?![A-Za-z0-9])`, length: text.length };
  });
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

// A fixed middle of the base64 of anything + secret + anything: the characters that depend on the secret alone. The few around it
// hold at most some bits of the secret's first and last byte, so they are taken along as wildcards.
function base64Forms(secret: string): SecretForm[] {
  const bytes = Buffer.from(secret.trim());
  if (bytes.length < SHORT) return [];
  return [0, 1, 2].flatMap((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const first = Math.ceil((offset * 8) / 6);
    const last = Math.floor(((offset + bytes.length) * 8) / 6);
    const core = text.slice(first, last);
    const around = {
      before: first > (offset * 8) / 6 ? 1 : 0,
      after: ((offset + bytes.length) * 8) % 6 === 0 ? 0 : 1,
    };
    const alphabets = [...new Set([core, core.replaceAll('+', '-').replaceAll('/', '_')])];
    return alphabets.map((fixed) => ({
      source: `[\\w+/-]{0,${around.before}}${escapeRegExp(fixed)}[\\w+/-]{0,${around.after}}={0,2}`,
      length: fixed.length + 4,
    }));
  });
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
