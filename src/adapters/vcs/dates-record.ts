import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/**
 * When contents first came to their paths, as columns of a table: `prints` stand for path and content and are in rising order. Numbers in
 * typed arrays, since a million strings would cost more than what they save.
 */
export type DatesRecord = {
  /** Counts the builds that changed the record. */
  build: number;
  prints: Float64Array;
  /** Since the epoch. */
  seconds: Float64Array;
  /** The last build that had it. */
  uses: Float64Array;
};

/** What other revisions had and this one has not is kept up to this many, or to as many as this one has. */
const KEPT = 65_536;

/** The file: these numbers, then the columns one after another, all as the machine holds them. */
const HEADER = ['magic', 'checksum', 'count', 'build'].length;
const MAGIC = 0x6461_7465_7331;

const nothing: DatesRecord = {
  build: 0,
  prints: new Float64Array(),
  seconds: new Float64Array(),
  uses: new Float64Array(),
};

/** Empty where there is no record, or one that is damaged. */
export async function readDates(file: string): Promise<DatesRecord> {
  const bytes = await readFile(file).catch(() => undefined);
  if (bytes === undefined || bytes.length % 8 !== 0 || bytes.length < 8 * HEADER) return nothing;
  const numbers = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const [magic, checksum, count = 0, build = 0] = numbers;
  if (magic !== MAGIC || numbers.length !== HEADER + 3 * count || checksum !== checksumOf(numbers))
    return nothing;
  const column = (index: number) => numbers.subarray(HEADER + index * count, HEADER + (index + 1) * count);
  return { build, prints: column(0), seconds: column(1), uses: column(2) };
}

/** Nobody ever finds a half of it. */
export async function writeDates(file: string, { build, prints, seconds, uses }: DatesRecord): Promise<void> {
  const numbers = new Float64Array(HEADER + 3 * prints.length);
  numbers.set([MAGIC, 0, prints.length, build]);
  for (const [index, column] of [prints, seconds, uses].entries())
    numbers.set(column, HEADER + index * prints.length);
  numbers[1] = checksumOf(numbers);
  const fresh = `${file}.new-${randomUUID()}`;
  try {
    await writeFile(fresh, numbers, { mode: 0o600, flag: 'wx' });
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

function checksumOf(numbers: Float64Array): number {
  return crc32(Buffer.from(numbers.buffer, 16, numbers.byteLength - 16));
}

/** The place of the first `print` among `prints`, by binary search. */
export function find(prints: Float64Array, print: number): number | undefined {
  let low = 0;
  let high = prints.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (prints[middle]! < print) low = middle + 1;
    else high = middle;
  }
  return prints[low] === print ? low : undefined;
}

/** `record` after a build of what `built` has, in any order; of what only others had, what was used last stays. */
export function mergeDates(record: DatesRecord, built: Pick<DatesRecord, 'prints' | 'seconds'>): DatesRecord {
  const build = record.build + 1;
  const own = built.prints.toSorted();
  const others = record.prints.map((print, index) =>
    find(own, print) === undefined ? record.uses[index]! : 0,
  );
  const oldest = leastKept(others, Math.max(KEPT, own.length));
  const stays = (_: number, index: number): boolean => others[index]! >= oldest;
  const prints = concat(own, record.prints.filter(stays)).sort();
  const merged = {
    build,
    prints,
    seconds: new Float64Array(prints.length),
    uses: new Float64Array(prints.length),
  };
  const put = (source: Pick<DatesRecord, 'prints' | 'seconds'>, use: (index: number) => number): void => {
    source.prints.forEach((print, index) => {
      const at = find(prints, print);
      if (at === undefined || merged.uses[at] === build) return;
      merged.seconds[at] = source.seconds[index]!;
      merged.uses[at] = use(index);
    });
  };
  put(built, () => build);
  put(record, (index) => record.uses[index]!);
  return merged;
}

/** The use from which on at most `most` are kept; those of one build go together. */
function leastKept(uses: Float64Array, most: number): number {
  const sorted = uses.toSorted();
  if (sorted.length <= most) return 1;
  return Math.max(sorted[sorted.length - most - 1]! + 1, 1);
}

function concat(a: Float64Array, b: Float64Array): Float64Array {
  const both = new Float64Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
