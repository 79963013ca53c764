/** From one character to before another. */
export type Span = { start: number; end: number };

/** Where in a text one of many others stands, in order. What overlaps is one span. */
export type TextSearch = (text: string) => Span[];

/** By a hash of the first characters (at most `WIDTH`): whether a text that is looked for begins so. */
const TABLE = 2 ** 16;
const WIDTH = 4;

/**
 * Looks for all `wanted` (none of them empty) at once: nearly every place costs one look into a table, however many there are.
 * `accepts` has a say in each find.
 */
export function searchTexts(
  wanted: ReadonlySet<string>,
  accepts: (text: string, span: Span) => boolean = () => true,
): TextSearch {
  if (wanted.size === 0) return () => [];
  const { heads, table, width } = indexTexts(wanted);
  const longestAt = (text: string, start: number): Span | undefined => {
    for (const length of heads.get(text.slice(start, start + width)) ?? []) {
      const span = { start, end: start + length };
      if (span.end > text.length) continue;
      if (wanted.has(text.slice(start, span.end)) && accepts(text, span)) return span;
    }
    return undefined;
  };
  return (text) => {
    const spans: Span[] = [];
    let hash = 0;
    for (let at = 0; at < text.length; at++) {
      hash = roll(hash, text.charCodeAt(at));
      if (table[slot(hash, width)] === 0 || at + 1 < width) continue;
      const span = longestAt(text, at + 1 - width);
      if (span) addSpan(spans, span);
    }
    return spans;
  };
}

/** Whether one of them stands in a text. */
export function findsAny(wanted: ReadonlySet<string>): (text: string) => boolean {
  if (wanted.size === 0) return () => false;
  const { heads, table, width } = indexTexts(wanted);
  const standsAt = (text: string, start: number): boolean =>
    heads
      .get(text.slice(start, start + width))
      ?.some((length) => wanted.has(text.slice(start, start + length))) === true;
  return (text) => {
    let hash = 0;
    for (let at = 0; at < text.length; at++) {
      hash = roll(hash, text.charCodeAt(at));
      if (table[slot(hash, width)] !== 0 && at + 1 >= width && standsAt(text, at + 1 - width)) return true;
    }
    return false;
  };
}

type TextIndex = { heads: ReadonlyMap<string, readonly number[]>; table: Uint8Array; width: number };

function indexTexts(wanted: ReadonlySet<string>): TextIndex {
  let width = WIDTH;
  for (const { length } of wanted) width = Math.min(width, length);
  const heads = indexHeads(wanted, width);
  const table = new Uint8Array(TABLE);
  for (const head of heads.keys()) table[slot(hashOf(head), width)] = 1;
  return { heads, table, width };
}

/** Both in one, in order. */
export function mergeSpans(some: readonly Span[], others: readonly Span[]): readonly Span[] {
  if (others.length === 0) return some;
  const spans: Span[] = [];
  for (const span of [...some, ...others].toSorted((a, b) => a.start - b.start)) addSpan(spans, { ...span });
  return spans;
}

function addSpan(spans: Span[], span: Span): void {
  const last = spans.at(-1);
  if (last === undefined || span.start >= last.end) spans.push(span);
  else last.end = Math.max(last.end, span.end);
}

/** The lengths of the texts that begin with each head, the longest first. */
function indexHeads(wanted: ReadonlySet<string>, width: number): ReadonlyMap<string, readonly number[]> {
  const heads = new Map<string, number[]>();
  for (const text of wanted) {
    const head = text.slice(0, width);
    const lengths = heads.get(head);
    if (lengths === undefined) heads.set(head, [text.length]);
    else if (!lengths.includes(text.length)) lengths.push(text.length);
  }
  for (const lengths of heads.values()) lengths.sort((a, b) => b - a);
  return heads;
}

function hashOf(head: string): number {
  let hash = 0;
  for (let at = 0; at < head.length; at++) hash = roll(hash, head.charCodeAt(at));
  return hash;
}

// A character's bits have left the 32 when four others have followed.
function roll(hash: number, unit: number): number {
  return (hash << 8) ^ unit;
}

function slot(hash: number, width: number): number {
  const last = width === WIDTH ? hash : hash & ((1 << (8 * width)) - 1);
  return Math.imul(last, 0x9e3779b1) >>> 16;
}
