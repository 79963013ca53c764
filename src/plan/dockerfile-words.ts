/** Characters before and after expansion: no image's name is longer, and values that double from line to line end here. */
const MAX_EXPANSION = 4096;

/** Words as they stand there: quotes keep spaces together, and stay. A quote that is not closed goes to the end. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let [start, quote] = [-1, ''];
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (quote === '' && /\s/.test(character)) {
      if (start >= 0) words.push(text.slice(start, at));
      start = -1;
      continue;
    }
    if (start < 0) start = at;
    if (character === '\\' && quote !== "'") at++;
    else if (character === quote) quote = '';
    else if (quote === '' && /["']/.test(character)) quote = character;
  }
  if (start >= 0) words.push(text.slice(start));
  return words;
}

/** Without the quotes around the whole. */
export function unquoted(text: string): string {
  return text.length > 1 && /^["']/.test(text) && text.endsWith(text[0]!) ? text.slice(1, -1) : text;
}

/** The line that ends a here-document; `indented`: it may stand behind tabs. */
export type HeredocEnd = { word: string; indented: boolean };

/** What the here-documents of an instruction end with (moby/buildkit, frontend/dockerfile/parser, ParseHeredoc). */
export function heredocEnds(rest: string): HeredocEnd[] {
  return splitWords(rest).flatMap((text) => {
    const [, dash, word] = /^\d*<<(-?)([^<]+)$/.exec(text) ?? [];
    return word === undefined ? [] : [{ word: word.replace(/["'\\]/g, ''), indented: dash !== '' }];
  });
}

// No variable within a variable: what is not read here counts as unknown.
const VARIABLE = /\$(?:(\w+)|\{(\w+)(?::([-+])([^{}$]*))?\})?/g;

/**
 * Puts in $NAME, ${NAME}, ${NAME:-default} and ${NAME:+other}. Undefined where that cannot be told: a variable that has no value, one
 * whose own value cannot be told (`values` has it as undefined), other forms, and more than 4 KiB.
 */
export function expandVariables(
  text: string,
  values: ReadonlyMap<string, string | undefined>,
): string | undefined {
  if (text.length > MAX_EXPANSION) return undefined;
  let [expanded, end] = ['', 0];
  for (const match of text.matchAll(VARIABLE)) {
    const value = valueOf(match, values);
    const before = text.slice(end, match.index);
    if (value === undefined || expanded.length + before.length + value.length > MAX_EXPANSION)
      return undefined;
    expanded += before + value;
    end = match.index + match[0].length;
  }
  return expanded.length + text.length - end > MAX_EXPANSION ? undefined : expanded + text.slice(end);
}

function valueOf(
  [, bare, braced, operator, operand = '']: RegExpExecArray,
  values: ReadonlyMap<string, string | undefined>,
): string | undefined {
  const name = bare ?? braced;
  if (name === undefined || (values.has(name) && values.get(name) === undefined)) return undefined;
  const value = values.get(name);
  if (operator === '+') return value ? operand : '';
  return operator === '-' ? value || operand : value;
}
