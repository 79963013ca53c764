import { invalid } from './bytes.js';

/** What a pax header may say of the next entry (POSIX.1-2017 pax, extended header). All else in it is left alone. */
export type Extended = { name?: Buffer; linkName?: Buffer; size?: number; mtime?: number };

/** Records `LENGTH KEY=VALUE\n`, of which LENGTH counts all. Throws TREE_INVALID. */
export function readExtended(records: Buffer): Extended {
  const found: Extended = {};
  for (let at = 0; at < records.length;) {
    const blank = records.indexOf(0x20, at);
    const length = Number(records.toString('latin1', at, blank));
    const equals = records.indexOf(0x3d, blank);
    const end = at + length;
    const whole = blank > at && Number.isSafeInteger(length) && equals > blank && equals < end;
    if (!whole || end > records.length || records[end - 1] !== 0x0a)
      throw invalid('the context has a damaged pax header');
    note(found, records.toString('latin1', blank + 1, equals), records.subarray(equals + 1, end - 1));
    at = end;
  }
  return found;
}

function note(found: Extended, key: string, value: Buffer): void {
  if (key.startsWith('GNU.sparse.')) throw sparse();
  if (key === 'path') found.name = Buffer.from(value);
  else if (key === 'linkpath') found.linkName = Buffer.from(value);
  else if (key === 'size') found.size = decimal(key, value, /^\d+$/);
  else if (key === 'mtime') found.mtime = Math.floor(decimal(key, value, /^-?\d+(?:\.\d*)?$/));
}

function decimal(key: string, value: Buffer, pattern: RegExp): number {
  const text = value.toString('latin1');
  const number = Number(text);
  if (pattern.test(text) && Math.abs(number) <= Number.MAX_SAFE_INTEGER) return number;
  throw invalid(`the context has a pax header with a ${key} that is no number`);
}

/** GNU tar stores files with holes in forms of its own. */
export function sparse(): Error {
  return invalid('the context holds a sparse file', 'make the tar without --sparse');
}
