/** Bytes of one slab. */
const SLAB = 256 * 1024;

/** A text, kept as bytes. */
export type Packed = { read(): string; free(): void };

type Slab = { bytes: Buffer; used: number; live: number };

/**
 * Keeps texts outside of the garbage collector's heap, where megabytes that live for a second cost it more than all that is done with
 * them. Memory is used again once every text in it was freed: it stays small where the oldest are freed first.
 */
export function createSlabs(): { pack(text: string): Packed } {
  const idle: Slab[] = [];
  let current: Slab = { bytes: Buffer.alloc(0), used: 0, live: 0 };
  const release = (slab: Slab): void => {
    if (--slab.live > 0) return;
    slab.used = 0;
    if (slab !== current && slab.bytes.length === SLAB) idle.push(slab);
  };
  return {
    pack(text) {
      const length = Buffer.byteLength(text);
      if (current.used + length > current.bytes.length) {
        const before = current;
        current = length > SLAB ? newSlab(length) : (idle.pop() ?? newSlab(SLAB));
        if (before.live === 0 && before.bytes.length === SLAB) idle.push(before);
      }
      const slab = current;
      const start = slab.used;
      slab.bytes.write(text, start, length);
      slab.used += length;
      slab.live++;
      return {
        read: () => slab.bytes.toString('utf8', start, start + length),
        free: () => release(slab),
      };
    },
  };
}

function newSlab(size: number): Slab {
  return { bytes: Buffer.allocUnsafeSlow(size), used: 0, live: 0 };
}
