import { suggest } from '../../model/suggest.js';
import { type Located, type LocatedMap, type LocatedText, scale } from './located.js';
import { type Path, type Place, quote, type Refuse } from './refuse.js';

// `{{ project.key }}`, or `{{ '…' }}` for braces that mean themselves. Other braces (a Go template's) stay as they are.
const REFERENCE = /\{\{\s*(?:'([^']*)'|([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*))\s*\}\}/g;
// Bounds the search for keys with dots in them.
const MAX_NAME = 200;
const MAX_CHAIN = 50;
const MAX_TEXT = 2 ** 20;

type Resolver = {
  root: LocatedMap;
  refuse: Refuse;
  done: Map<Located, Located>;
  /** Being resolved now: who refers to one of these refers to himself. */
  open: Set<Located>;
  chain: number;
};

/** Puts the values in that `{{ references }}` name: a text anywhere in a text, anything where it is the whole value. */
export function resolveReferences(root: LocatedMap, refuse: Refuse): LocatedMap {
  const resolver: Resolver = { root, refuse, done: new Map(), open: new Set(), chain: 0 };
  return resolve(resolver, root, []) as LocatedMap;
}

function resolve(resolver: Resolver, value: Located, path: Path): Located {
  const known = resolver.done.get(value);
  if (known) return known;
  resolver.open.add(value);
  const resolved = resolveInside(resolver, value, path);
  resolver.open.delete(value);
  resolver.done.set(value, resolved);
  // What came out is final: its own braces are not read again.
  resolver.done.set(resolved, resolved);
  return resolved;
}

function resolveInside(resolver: Resolver, value: Located, path: Path): Located {
  if (value.kind === 'text') return resolveText(resolver, value, path);
  if (value.kind === 'null') return value;
  const add = scale(resolver.refuse, { offset: value.offset, path });
  let weight = 1;
  const child = (inner: Located, key: string | number): Located => {
    const resolved = resolve(resolver, inner, [...path, key]);
    weight = add(resolved);
    return resolved;
  };
  if (value.kind === 'list') {
    const items = value.items.map((item, index) => child(item, index));
    return { ...value, items, weight };
  }
  const entries = new Map(
    [...value.entries].map(([key, entry]) => [key, { ...entry, value: child(entry.value, key) }]),
  );
  return { ...value, entries, weight };
}

function resolveText(resolver: Resolver, value: LocatedText, path: Path): Located {
  const place = { offset: value.offset, path };
  const matches = [...value.text.matchAll(REFERENCE)];
  const [whole] = matches;
  if (whole?.[2] !== undefined && whole[0] === value.text.trim())
    return { ...follow(resolver, whole[2], place), offset: value.offset };
  let [text, end] = ['', 0];
  for (const { index, 0: all, 1: literal, 2: name } of matches) {
    text += value.text.slice(end, index) + (literal ?? textOf(resolver, name!, place));
    end = index + all.length;
    if (text.length > MAX_TEXT) throw resolver.refuse(place, 'its references make it longer than 1 MiB');
  }
  return matches.length === 0 ? value : { ...value, text: text + value.text.slice(end) };
}

function textOf(resolver: Resolver, name: string, place: Place): string {
  const value = follow(resolver, name, place);
  if (value.kind === 'text') return value.text;
  const what = value.kind === 'null' ? 'empty' : `a ${value.kind}`;
  throw resolver.refuse(place, `'{{ ${name} }}' is ${what}, and only a text can stand inside of a text`);
}

function follow(resolver: Resolver, name: string, place: Place): Located {
  if (++resolver.chain > MAX_CHAIN)
    throw resolver.refuse(place, `more than ${MAX_CHAIN} references lead from one to the next`);
  const target =
    name.length > MAX_NAME
      ? undefined
      : find(resolver, resolver.root, { names: name.split('.'), name, place });
  if (target === undefined) throw resolver.refuse(place, unknown(resolver.root, name));
  const resolved = settle(resolver, target, { name, place });
  resolver.chain--;
  return resolved;
}

type Search = { names: readonly string[]; name: string; place: Place };

// A key may hold dots itself: the longest that fits is tried first.
function find(resolver: Resolver, value: Located, search: Search): Located | undefined {
  const { names } = search;
  if (names.length === 0) return value;
  if (value.kind === 'text') {
    const settled = settle(resolver, value, search);
    return settled.kind === 'text' ? undefined : find(resolver, settled, search);
  }
  if (value.kind === 'list') return findBelow(resolver, value.items[Number(names[0])], { search, used: 1 });
  if (value.kind === 'null') return undefined;
  for (let used = names.length; used > 0; used--) {
    const child = value.entries.get(names.slice(0, used).join('.'))?.value;
    const found = findBelow(resolver, child, { search, used });
    if (found) return found;
  }
  return undefined;
}

function findBelow(
  resolver: Resolver,
  child: Located | undefined,
  { search, used }: { search: Search; used: number },
): Located | undefined {
  return child && find(resolver, child, { ...search, names: search.names.slice(used) });
}

function settle(
  resolver: Resolver,
  target: Located,
  { name, place }: { name: string; place: Place },
): Located {
  if (resolver.open.has(target)) throw resolver.refuse(place, `'{{ ${name} }}' leads back to itself`);
  return resolve(resolver, target, name.split('.'));
}

function unknown(root: LocatedMap, name: string): string {
  const near = name.length > 64 ? undefined : suggest(name, namesIn(root).slice(0, 500));
  return `there is no ${quote(name)} for '{{ }}' to refer to${near === undefined ? '' : `, did you mean ${quote(near)}?`}`;
}

function namesIn(map: LocatedMap): string[] {
  return [...map.entries].flatMap(([key, { value }]) => [
    key,
    ...(value.kind === 'map' ? [...value.entries.keys()].map((inner) => `${key}.${inner}`) : []),
  ]);
}
