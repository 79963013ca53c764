import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';

/**
 * When contents first came to their paths, as columns of a table. Numbers in typed arrays, since a million strings would cost more than
 * what they save.
 */
export type DatesRecord = {
  /** Counts the builds that changed the record. */
  build: number;
  /** Stand for path and content. */
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
/** Milliseconds after which one that never got its name is not on its way to it any more. */
const STILLBORN = 60_000;

const nothing: DatesRecord = { build: 0, prints: column(0), seconds: column(0), uses: column(0) };

/** Empty where there is no record, or one that is damaged. */
export async function readDates(file: string): Promise<DatesRecord> {
  const bytes = await readFile(file).catch(() => undefined);
  if (bytes === undefined || bytes.length % 8 !== 0 || bytes.length < 8 * HEADER) return nothing;
  const numbers = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const [magic, checksum, count = 0, build = 0] = numbers;
  if (magic !== MAGIC || numbers.length !== HEADER + 3 * count || checksum !== checksumOf(numbers))
    return nothing;
  const at = (index: number) => numbers.subarray(HEADER + index * count, HEADER + (index + 1) * count);
  return { build, prints: at(0), seconds: at(1), uses: at(2) };
}

/** Nobody ever finds a half of it. */
export async function writeDates(file: string, { build, prints, seconds, uses }: DatesRecord): Promise<void> {
  const numbers = new Float64Array(HEADER + 3 * prints.length);
  numbers.set([MAGIC, 0, prints.length, build]);
  for (const [index, values] of [prints, seconds, uses].entries())
    numbers.set(values, HEADER + index * prints.length);
  numbers[1] = checksumOf(numbers);
  await clearStillborn(file);
  const fresh = `${file}.new-${randomUUID()}`;
  try {
    await writeFile(fresh, numbers, { mode: 0o600, flag: 'wx' });
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

/** What runners left that were killed while they wrote. */
async function clearStillborn(file: string): Promise<void> {
  for (const name of await readdir(dirname(file)).catch(() => [])) {
    if (!name.startsWith(`${basename(file)}.new-`)) continue;
    const path = join(dirname(file), name);
    const made = await stat(path).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > STILLBORN) await rm(path, { force: true });
  }
}

function checksumOf(numbers: Float64Array): number {
  return crc32(Buffer.from(numbers.buffer, 16, numbers.byteLength - 16));
}

/** Finds the row of a print, undefined where it has none: a hash table, since a print is a hash. */
export function indexRows({ prints }: DatesRecord): (print: number) => number | undefined {
  let size = 2;
  while (size < 2 * prints.length) size *= 2;
  const slots = new Int32Array(size); // row + 1
  const slotOf = (print: number): number => {
    let slot = print & (size - 1);
    while (slots[slot] !== 0 && prints[slots[slot]! - 1] !== print) slot = (slot + 1) & (size - 1);
    return slot;
  };
  for (let row = 0; row < prints.length; row++) slots[slotOf(prints[row]!)] = row + 1;
  return (print) => {
    const found = slots[slotOf(print)]!;
    return found === 0 ? undefined : found - 1;
  };
}

/** `record` after a build of `built`, which had its rows `used`; of what only others had, what was used last stays. */
export function mergeDates(
  record: DatesRecord,
  built: Pick<DatesRecord, 'prints' | 'seconds'>,
  used: Uint8Array,
): DatesRecord {
  const own = built.prints.length;
  const build = record.build + 1;
  const oldest = leastKept(
    record.uses.filter((_, row) => used[row] === 0),
    Math.max(KEPT, own),
  );
  const isKept = (_: number, row: number): boolean => used[row] === 0 && record.uses[row]! >= oldest;
  const uses = record.uses.filter(isKept);
  const merged = {
    build,
    prints: column(own + uses.length),
    seconds: column(own + uses.length),
    uses: column(own + uses.length),
  };
  merged.prints.set(built.prints);
  merged.prints.set(record.prints.filter(isKept), own);
  merged.seconds.set(built.seconds);
  merged.seconds.set(record.seconds.filter(isKept), own);
  merged.uses.fill(build).set(uses, own);
  return merged;
}

function column(length: number): Float64Array {
  return new Float64Array(length);
}

/** The use from which on at most `most` are kept; those of one build go together. */
function leastKept(uses: Float64Array, most: number): number {
  if (uses.length <= most) return 0;
  return uses.sort()[uses.length - most - 1]! + 1;
}
