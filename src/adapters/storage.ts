import { unlessAborted } from '../model/abort.js';
import { formatSize } from '../model/quantity.js';
import type { Kept, Removed, Stock, Storage } from '../ports.js';
import { areOnOneDisk, spaceAt, type Space } from './disk.js';

export type StorageOptions = {
  dataDirectory: string;
  /** Bytes that all stocks together may have. */
  limit: number;
  stocks: readonly Stock[];
  /** Hears what was removed, and why. */
  onRemoved?: (removed: readonly Shed[], why: string) => void;
  /** Hears of a stock that failed: the others go on, and the next collection tries again. */
  onTrouble?: (error: unknown) => void;
  /** Free bytes below which a disk counts as nearly full; by default five per cent of it, of big ones 5 GB. */
  reserve?: (space: Space) => number;
};

export type Shed = Removed & { kind: string };

/** What is kept, once it has been measured. Bytes. */
export type Usage = { used?: number; limit: number };

/** So much of the limit is left after a collection, that not each build needs one. */
const FILL = 0.9;
/** Milliseconds between the beginnings of two collections, and between two tries to make room where there is nothing to remove. */
const PAUSE = 10_000;

/** The storage of a runner, over its stocks. A collection runs by itself: nobody waits for it. */
export function createStorage(options: StorageOptions): Storage & {
  usage(): Usage;
  /** Resolves when no collection is under way. */
  settled(): Promise<void>;
} {
  const { stocks, limit } = options;
  const usage: Usage = { limit };
  const making = new Map<string, Promise<string>>();
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let startedAt = -Infinity;
  const run = (): void => {
    timer = undefined;
    startedAt = performance.now();
    running = collect(options)
      .then((used) => void (usage.used = used))
      .finally(() => (running = undefined));
  };
  return {
    usage: () => usage,
    settled: async () => running,
    collect() {
      if (running !== undefined || timer !== undefined || !stocks.some((stock) => stock.hasGrown())) return;
      const wait = startedAt + PAUSE - performance.now();
      if (wait <= 0) run();
      else timer = setTimeout(run, wait).unref();
    },
    async makeRoom({ emit, signal }) {
      for (const place of await places(options)) {
        const needed = await wanted(place, options);
        if (needed <= 0) continue;
        const work = making.get(place) ?? makeRoomAt(place, needed, options);
        if (!making.has(place)) keepFor(making, place, work);
        const text = await unlessAborted(work, signal);
        await emit({ type: 'log', stream: 'stdout', text });
      }
    },
  };
}

/** Those who come meanwhile, and for a moment after, get the same answer. */
function keepFor(making: Map<string, Promise<string>>, place: string, work: Promise<string>): void {
  making.set(place, work);
  const forget = () => void setTimeout(() => making.delete(place), PAUSE).unref();
  work.then(forget, forget);
}

type Item = { stock: Stock; kept: Kept };

/** Says how many bytes are kept afterwards. */
async function collect({ stocks, limit, onRemoved, onTrouble }: StorageOptions): Promise<number> {
  const items = await listAll(stocks, onTrouble);
  let total = sum(items);
  if (total <= limit) return total;
  for (const item of items) {
    const { stock, kept } = item;
    if (total <= limit || stock.trim === undefined) continue;
    item.kept = { ...kept, bytes: await stock.trim(kept).catch(told(onTrouble, kept.bytes)) };
    total -= kept.bytes - item.kept.bytes;
  }
  if (total <= limit) return total;
  const removed = await removeOldest(items, total - FILL * limit, onTrouble);
  onRemoved?.(removed, 'the caches are over their limit');
  return total - removed.reduce((bytes, shed) => bytes + shed.bytes, 0);
}

/** Least recently used first. */
async function listAll(stocks: readonly Stock[], onTrouble: StorageOptions['onTrouble']): Promise<Item[]> {
  const lists = await Promise.all(
    stocks.map(async (stock) => {
      const list = await stock.list().catch(told<readonly Kept[]>(onTrouble, []));
      return list.map((kept): Item => ({ stock, kept }));
    }),
  );
  return lists.flat().sort((a, b) => a.kept.usedAt - b.kept.usedAt);
}

/** Takes from the front until `bytes` are gone, or nothing is left that nobody uses. */
async function removeOldest(
  items: readonly Item[],
  bytes: number,
  onTrouble: StorageOptions['onTrouble'],
): Promise<Shed[]> {
  const rest = [...items];
  const shed = new Map<Stock, Shed>();
  for (let gone = 0; gone < bytes && rest.length > 0;) {
    const chosen: Item[] = [];
    while (rest.length > 0 && gone + sum(chosen) < bytes) chosen.push(rest.shift()!);
    for (const stock of new Set(chosen.map((item) => item.stock))) {
      const ofStock = chosen.filter((item) => item.stock === stock).map(({ kept }) => kept);
      const removed = await stock.remove(ofStock).catch(told(onTrouble, { count: 0, bytes: 0 }));
      const before = shed.get(stock) ?? { kind: stock.kind, count: 0, bytes: 0 };
      shed.set(stock, {
        ...before,
        count: before.count + removed.count,
        bytes: before.bytes + removed.bytes,
      });
      gone += removed.bytes;
    }
  }
  return [...shed.values()].filter(({ count }) => count > 0);
}

function sum(items: readonly Item[]): number {
  return items.reduce((total, { kept }) => total + kept.bytes, 0);
}

async function places({ dataDirectory, stocks }: StorageOptions): Promise<Set<string>> {
  const found = await Promise.all(stocks.map((stock) => stock.place()));
  return new Set([dataDirectory, ...found.filter((place) => place !== undefined)]);
}

function commonReserve({ total }: Space): number {
  return Math.min(total / 20, 5e9);
}

/** Bytes to remove there; 0 or less: none. */
async function wanted(place: string, { reserve = commonReserve }: StorageOptions): Promise<number> {
  const space = await spaceAt(place);
  return space === undefined || space.free >= reserve(space) ? 0 : 2 * reserve(space) - space.free;
}

/** Says in a line what was done. */
async function makeRoomAt(place: string, needed: number, options: StorageOptions): Promise<string> {
  const before = await spaceAt(place);
  const here = await stocksAt(place, options.stocks);
  const { onTrouble } = options;
  const removed = await removeOldest(await listAll(here, onTrouble), needed, onTrouble);
  options.onRemoved?.(removed, `the disk of ${place} is nearly full`);
  const after = await spaceAt(place);
  const whose = place === options.dataDirectory ? 'the data directory' : 'the engine';
  const said = removed.map(({ kind, count }) => `${count} ${kind}`).join(' and ');
  const done = said === '' ? 'there is no cache to remove' : `removed ${said}, now ${free(after)} free`;
  return `the disk of ${whose} is nearly full (${free(before)} of ${formatSize(before?.total ?? 0)} free): ${done}\n`;
}

async function stocksAt(place: string, stocks: readonly Stock[]): Promise<Stock[]> {
  const same = await Promise.all(
    stocks.map(async (stock) => {
      const where = await stock.place();
      return where !== undefined && (await areOnOneDisk(where, place));
    }),
  );
  return stocks.filter((_, index) => same[index]);
}

function free(space: Space | undefined): string {
  return formatSize(space?.free ?? 0);
}

/** Hands an error on, and something in the place of what failed. */
function told<T>(onTrouble: StorageOptions['onTrouble'], instead: T): (error: unknown) => T {
  return (error) => {
    onTrouble?.(error);
    return instead;
  };
}
