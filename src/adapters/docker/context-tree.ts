import { ancestors, comparePaths, type FileEntry, type Tree, type TreeEntry } from '../../model/tree.js';
import { usualPlace } from '../context/places.js';
import type { ReceivedContext } from '../context/receive.js';
import type { Lanes } from './context-lanes.js';
import { createPassPlan, type Positions } from './context-passes.js';
import { createShelf } from './context-shelf.js';
import { openWalk, type Walk } from './context-walk.js';

/**
 * A context that the engine holds, as a tree. The engine gives a directory from front to back and nothing else: files that are asked
 * for in the order of the tree come from one walk, others from openings of their own. Readers do not wait for each other. They reject
 * with the reason of `signal` once that aborts.
 */
export function contextTree({ entries, placeOf }: ReceivedContext, lanes: Lanes, signal: AbortSignal): Tree {
  const shared = new Set<string>();
  for (const { type, path } of entries) {
    if (type === 'file' && placeOf(path) !== usualPlace(path)) shared.add(placeOf(path));
  }
  const shelf = createShelf((place) => shared.has(place));
  const store = { entries, placeOf, positions: positionsOf(entries), tools: { lanes, shelf, signal } };
  return {
    entries: () => Promise.resolve(entries),
    async *read(files) {
      const reader = createReader(store);
      try {
        for await (const entry of files) yield { entry, chunks: await reader.open(entry) };
      } finally {
        await reader.close();
      }
    },
  };
}

type Store = {
  entries: readonly TreeEntry[];
  placeOf: ReceivedContext['placeOf'];
  positions: Positions;
  tools: Parameters<typeof openWalk>[1];
};

function createReader({ entries, placeOf, positions, tools }: Store) {
  const plan = createPassPlan(positions);
  let walk: (Walk & { next: number }) | undefined;
  let single: Walk | undefined;
  const openSingle = async (place: string) => (single = await openWalk(place, tools)).forward(place);
  const openAbove = async (index: number): Promise<boolean> => {
    const above = plan.open(index);
    if (above === undefined) return false;
    await walk?.close();
    walk = undefined;
    walk = { ...(await openWalk(usualPlace(above.directory), tools)), next: above.first };
    return true;
  };
  const reaches = (place: string, index: number): boolean =>
    walk !== undefined && place.startsWith(`${walk.path}/`) && plan.readsOn(walk.next, index);
  return {
    async open(entry: FileEntry): Promise<AsyncIterable<Uint8Array>> {
      await single?.close();
      single = undefined;
      const place = placeOf(entry.path);
      const kept = tools.shelf.find(place);
      if (kept !== undefined) return kept;
      if (place !== usualPlace(entry.path)) return openSingle(place);
      const index = indexOf(entries, entry.path);
      if (!reaches(place, index) && !(await openAbove(index))) return openSingle(place);
      walk!.next = index + 1;
      return walk!.forward(place);
    },
    async close(): Promise<void> {
      await single?.close();
      await walk?.close();
    },
  };
}

/** What an entry costs beyond its bytes: its header, and the engine's look at it. */
const HEADER = 2048;

function positionsOf(entries: readonly TreeEntry[]): Positions {
  const starts = new Float64Array(entries.length + 1);
  for (const [index, entry] of entries.entries()) {
    starts[index + 1] = starts[index]! + HEADER + (entry.type === 'file' ? entry.size : 0);
  }
  return {
    distance: (from, to) => starts[to]! - starts[from]!,
    above: (index) =>
      ['', ...ancestors(entries[index]!.path)].map((directory) => ({
        directory,
        first: directory === '' ? 0 : indexOf(entries, directory) + 1,
      })),
  };
}

/** By binary search; it is there. */
function indexOf(entries: readonly TreeEntry[], path: string): number {
  let [low, high] = [0, entries.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePaths(entries[middle]!.path, path) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
