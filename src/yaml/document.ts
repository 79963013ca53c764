import { Composer, type Document, type ErrorCode, Lexer, Parser, type YAMLError } from 'yaml';

/** Bytes that a document may have. */
const MAX_YAML = 2 ** 20;

/** Makes what is thrown. `offset`: UTF-16 units from the start of the text. `code`: the library's, where it was not YAML. */
export type RefuseText = (problem: { offset: number; why: string; code?: ErrorCode }) => Error;

// The composer recurses, and deep recursion ends in an abort of the whole process where V8 compiles a regular expression
// with no stack left: depth is bounded before anything is composed.
const MAX_DEPTH = 40;
// Bounds the time: a MiB of one-character tokens would take seconds.
const MAX_TOKENS = 50_000;

const options = {
  version: '1.2',
  schema: 'core',
  resolveKnownTags: false,
  prettyErrors: false,
  // It compares each key with each other; whoever walks the document finds duplicates in one pass.
  uniqueKeys: false,
} as const;

/**
 * Hostile text → one YAML 1.2 document, in time linear in its size and within bounded depth: the library's own `parse` can be made to
 * abort the whole process.
 */
export function readDocument(text: string, refuse: RefuseText): Document.Parsed {
  if (Buffer.byteLength(text) > MAX_YAML) throw refuse({ offset: 0, why: 'it is larger than 1 MiB' });
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.exec(text);
  if (control) throw refuse({ offset: control.index, why: `it holds ${named(control[0])}; it must be text` });
  const [document, second] = compose(text, refuse);
  const broken = document!.errors[0] ?? document!.warnings[0];
  if (broken)
    throw refuse({ offset: broken.pos[0], why: `it is not YAML 1.2: ${explain(broken)}`, code: broken.code });
  if (second)
    throw refuse({ offset: second.range[0], why: 'a second document begins here; write all in one' });
  return document!;
}

function compose(text: string, refuse: RefuseText): Document.Parsed[] {
  const parser = new Parser();
  const composer = new Composer(options);
  const documents: Document.Parsed[] = [];
  let tokens = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const { offset } = parser;
    if (++tokens > MAX_TOKENS)
      throw refuse({ offset, why: `it has more than ${MAX_TOKENS} words and signs` });
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token));
    if (parser.stack.length > MAX_DEPTH) throw refuse({ offset, why: 'it is nested too deeply' });
    if (documents.length > 1) return documents;
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  return [...documents, ...composer.end(true, text.length)];
}

function named(character: string): string {
  const code = character.charCodeAt(0).toString(16).padStart(2, '0');
  return `the control character 0x${code}`;
}

const advice: Partial<Record<ErrorCode, string>> = {
  TAB_AS_INDENT: 'a tab cannot indent; use spaces',
  KEY_OVER_1024_CHARS: 'a key has at most 1024 characters',
};

// The library's sentence, as a part of ours.
function explain({ code, message }: YAMLError): string {
  return advice[code] ?? message.charAt(0).toLowerCase() + message.slice(1);
}
