import type { TreeEntry } from '../../model/tree.js';
import { indexRows, mergeDates, readDates, writeDates } from './dates-record.js';

/** Entries after which other builds get their turn. */
const TURN = 16_384;
/** Builds after which a revision that brings nothing new is written down as used all the same. */
const STALE = 8;

/**
 * Sets the `mtime` of `entries`, so far the commit's time, to that of the earliest built revision of this repository that brought the
 * same content (id, mode, target) to the same path, and remembers this one in `file`; so the engine finds unchanged what has not changed.
 * Never to a later time than the commit's own. The record is cache: without it, or where it is damaged, the commit's time stays, and of
 * several writers the last one wins. Which second a file gets decides nothing: a context shows by other means that content has changed.
 */
export async function dateEntries(entries: readonly TreeEntry[], file: string): Promise<void> {
  const record = await readDates(file);
  const rowOf = indexRows(record);
  const used = new Uint8Array(record.prints.length);
  const prints = new Float64Array(entries.length);
  const seconds = new Float64Array(entries.length);
  let isNews = false;
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index]!;
    const print = (prints[index] = fingerprint(entry));
    const row = rowOf(print);
    if (row !== undefined) used[row] = 1;
    if (row === undefined || record.seconds[row]! > entry.mtime) isNews = true;
    else {
      entry.mtime = record.seconds[row]!;
      isNews ||= record.build - record.uses[row]! >= STALE;
    }
    seconds[index] = entry.mtime;
    if (index % TURN === TURN - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  if (isNews) await writeDates(file, mergeDates(record, { prints, seconds }, used)).catch(() => undefined);
}

/** 53 bits that stand for the path and what lies there: cyrb53 of bryc, no cryptography. */
function fingerprint(entry: TreeEntry): number {
  const state = { a: 0xdead_beef, b: 0x41c6_ce57 };
  mix(state, entry.path);
  if (entry.type === 'symlink') mix(state, `\0l${entry.target}`);
  else if (entry.type === 'directory') mix(state, `\0d${entry.mode}`);
  else {
    mix(state, entry.mode === 0o644 ? '\0f' : `\0f${entry.mode}\0`);
    mix(state, entry.id);
  }
  let { a, b } = state;
  a = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909);
  b = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909);
  return (b & 0x1f_ffff) * 2 ** 32 + (a >>> 0);
}

function mix(state: { a: number; b: number }, text: string): void {
  let { a, b } = state;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 2_654_435_761);
    b = Math.imul(b ^ unit, 1_597_334_677);
  }
  state.a = a;
  state.b = b;
}
