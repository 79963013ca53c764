import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { Located, LocatedEntry, LocatedMap } from './located.js';
import { scale } from './located.js';
import { type Path, quote, type Refuse } from './refuse.js';

type Walk = {
  refuse: Refuse;
  /** By name; `open` while the anchored value is being read. The latest of a name is meant (YAML 1.2, 7.1). */
  anchors: Map<string, Located | 'open'>;
};

/** A document's content, with aliases and merge keys (`<<`) resolved. */
export function toTree(document: Document.Parsed, refuse: Refuse): Located {
  return visit({ refuse, anchors: new Map() }, document.contents, []);
}

function visit(walk: Walk, node: unknown, path: Path): Located {
  const offset = offsetOf(node);
  if (isAlias(node)) return { ...aliased(walk, node.source, { offset, path }), offset };
  const anchor = (isScalar(node) || isMap(node) || isSeq(node)) && node.anchor;
  if (anchor) walk.anchors.set(anchor, 'open');
  const value = isMap(node)
    ? readMap(walk, node, path)
    : isSeq(node)
      ? readList(walk, node, path)
      : readScalar(walk, node as Scalar | null, path);
  if (anchor) walk.anchors.set(anchor, value);
  return value;
}

function aliased(walk: Walk, name: string, place: { offset: number; path: Path }): Located {
  const target = walk.anchors.get(name);
  if (target === undefined) throw walk.refuse(place, `there is no &${name} before this *${name}`);
  if (target === 'open') throw walk.refuse(place, `*${name} stands inside of what it names`);
  return target;
}

function readScalar(walk: Walk, node: Scalar | null, path: Path): Located {
  const offset = offsetOf(node);
  if (node === null || node.value === null) return { kind: 'null', offset };
  const text = asWritten(node);
  if (text.includes('\0') || !text.isWellFormed())
    throw walk.refuse({ offset, path }, 'it holds a NUL or half of a character; it must be text');
  return { kind: 'text', offset, text };
}

// A number or a boolean is taken as it stands in the file.
function asWritten(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

function readList(walk: Walk, node: YAMLSeq, path: Path): Located {
  const offset = offsetOf(node);
  const add = scale(walk.refuse, { offset, path });
  let weight = 1;
  const items = node.items.map((item, index) => {
    const value = visit(walk, item, [...path, index]);
    weight = add(value);
    return value;
  });
  return { kind: 'list', offset, items, weight };
}

function readMap(walk: Walk, node: YAMLMap, path: Path): LocatedMap {
  const offset = offsetOf(node);
  const add = scale(walk.refuse, { offset, path });
  let weight = 1;
  const entries = new Map<string, LocatedEntry>();
  const merged: LocatedMap[] = [];
  for (const pair of node.items) {
    if (isMergeKey(pair)) merged.push(...readMerge(walk, pair, path));
    else {
      const [key, entry] = readEntry(walk, pair, { path, entries });
      entries.set(key, entry);
      weight = add(entry.value);
    }
  }
  // The map's own keys win, then the first of the merged maps (yaml.org/type/merge.html).
  for (const [key, entry] of merged.flatMap((map) => [...map.entries])) {
    weight = add(entry.value);
    if (!entries.has(key)) entries.set(key, entry);
  }
  return { kind: 'map', offset, entries, weight };
}

function readEntry(
  walk: Walk,
  pair: Pair,
  { path, entries }: { path: Path; entries: ReadonlyMap<string, LocatedEntry> },
): [string, LocatedEntry] {
  const keyOffset = offsetOf(pair.key);
  const key = readKey(walk, pair.key, path);
  const place = { offset: keyOffset, path: [...path, key] };
  if (key === '__proto__') throw walk.refuse(place, `${quote(key)} is no name`);
  if (entries.has(key)) throw walk.refuse(place, 'the same key stands above already');
  // An empty value has no place of its own.
  const value =
    pair.value === null
      ? ({ kind: 'null', offset: keyOffset } as const)
      : visit(walk, pair.value, place.path);
  return [key, { keyOffset, value }];
}

function readKey(walk: Walk, node: unknown, path: Path): string {
  const place = { offset: offsetOf(node), path };
  if (isMap(node)) throw walk.refuse(place, 'a key must be a text; a value with {{ }} in it must be quoted');
  if (!isScalar(node)) throw walk.refuse(place, 'a key must be a text');
  const value = visit(walk, node, path);
  const key = value.kind === 'text' ? value.text : (node.source ?? '');
  if (key === '') throw walk.refuse(place, 'a key is empty');
  return key;
}

function isMergeKey({ key }: Pair): boolean {
  return isScalar(key) && key.value === '<<' && key.type === Scalar.PLAIN;
}

function readMerge(walk: Walk, pair: Pair, path: Path): LocatedMap[] {
  const value = visit(walk, pair.value, [...path, '<<']);
  const maps = value.kind === 'list' ? value.items : [value];
  const other = maps.find(({ kind }) => kind !== 'map');
  if (other)
    throw walk.refuse(
      { offset: other.offset, path: [...path, '<<'] },
      'it takes an alias of a map, or a list of those',
    );
  return maps as LocatedMap[];
}

function offsetOf(node: unknown): number {
  return (node as { range?: [number, number, number] | null } | null)?.range?.[0] ?? 0;
}
