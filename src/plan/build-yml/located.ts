import type { Path, Refuse } from './refuse.js';

/**
 * A value of the file that knows where it stands. Aliases and merge keys are gone; a scalar is the text as it was written,
 * so that `1.10` stays `1.10`. Values may be shared: the same object in two places.
 */
export type Located = LocatedText | LocatedNull | LocatedList | LocatedMap;

export type LocatedText = { kind: 'text'; offset: number; text: string };
export type LocatedNull = { kind: 'null'; offset: number };
export type LocatedList = { kind: 'list'; offset: number; items: readonly Located[]; weight: number };
export type LocatedMap = {
  kind: 'map';
  offset: number;
  /** In the order of the file. */
  entries: ReadonlyMap<string, LocatedEntry>;
  weight: number;
};
export type LocatedEntry = { keyOffset: number; value: Located };

/** Values that a file may hold, each counted wherever an alias or a reference puts it. */
const MAX_WEIGHT = 10_000;

/** 1 for each value, and 1 more for each 256 characters of a text. */
function weigh(value: Located): number {
  if (value.kind === 'text') return 1 + (value.text.length >> 8);
  return value.kind === 'null' ? 1 : value.weight;
}

/** Adds up weights; throws as soon as they are too much, so that what an alias multiplies is never built. */
export function scale(refuse: Refuse, place: { offset: number; path: Path }): (value: Located) => number {
  let weight = 1;
  return (value) => {
    weight += weigh(value);
    if (weight > MAX_WEIGHT)
      throw refuse(
        place,
        `it holds more than ${MAX_WEIGHT} values, aliases and references counted wherever they are used`,
      );
    return weight;
  };
}

/** What a schema checks: maps as objects, lists as arrays, scalars as their text. */
export function toPlain(value: Located): unknown {
  switch (value.kind) {
    case 'text':
      return value.text;
    case 'null':
      return null;
    case 'list':
      return value.items.map(toPlain);
    case 'map':
      return Object.fromEntries([...value.entries].map(([key, entry]) => [key, toPlain(entry.value)]));
  }
}

/** The value at `path`, or undefined. */
export function locate(value: Located | undefined, path: Path): Located | undefined {
  const [first, ...rest] = path;
  if (first === undefined || value === undefined) return value;
  return locate(childOf(value, first), rest);
}

function childOf(value: Located, key: string | number): Located | undefined {
  if (value.kind === 'map') return value.entries.get(String(key))?.value;
  return value.kind === 'list' ? value.items[Number(key)] : undefined;
}
