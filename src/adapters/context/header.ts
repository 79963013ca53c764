/** One header of a tar as it stands there (POSIX.1-2017 pax, ustar; GNU tar, tar.h). Names are bytes: their encoding is checked later. */
export type TarHeader = {
  /** The letter of the kind of entry: `0` file, `1` hard link, `2` symbolic link, `5` directory, … */
  type: string;
  name: Buffer;
  linkName: Buffer;
  mode: number;
  size: number;
  mtime: number;
};

export const BLOCK = 512;

/** A block that is all zeros ends the archive. */
export function isEnd(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

/** undefined: that is no header. */
export function decodeHeader(block: Buffer): TarHeader | undefined {
  const [mode, size, mtime] = [number(block, 100, 8), number(block, 124, 12), number(block, 136, 12) ?? 0];
  if (block.length < BLOCK || !hasChecksum(block)) return undefined;
  if (mode === undefined || size === undefined || size < 0) return undefined;
  const flag = block[156]!;
  const name = nameOf(block);
  const type = flag === 0 || flag === 0x37 ? '0' : String.fromCharCode(flag);
  // Before there was a kind for them, directories were files with a slash at the end.
  const isOldDirectory = type === '0' && name.at(-1) === SLASH;
  return { type: isOldDirectory ? '5' : type, name, linkName: text(block, 157, 100), mode, size, mtime };
}

const SLASH = 0x2f;

function nameOf(block: Buffer): Buffer {
  const name = text(block, 0, 100);
  // GNU's own format has other things where ustar has the prefix.
  if (block.toString('latin1', 257, 263) !== 'ustar\0' || block[345] === 0) return name;
  return Buffer.concat([text(block, 345, 155), Buffer.from('/'), name]);
}

/** Sum of all bytes, those of the checksum itself taken as blanks; some old programs summed them as signed. */
function hasChecksum(block: Buffer): boolean {
  const wanted = number(block, 148, 8);
  let [unsigned, signed] = [8 * 0x20, 8 * 0x20];
  for (let i = 0; i < BLOCK; i++) {
    if (i >= 148 && i < 156) continue;
    unsigned += block[i]!;
    signed += block.readInt8(i);
  }
  return wanted === unsigned || wanted === signed;
}

function text(block: Buffer, start: number, length: number): Buffer {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  // A copy: the block is a part of a chunk that may be large.
  return Buffer.from(end < 0 ? field : field.subarray(0, end));
}

/** Octal digits between blanks and zeros, or GNU's binary numbers, which have the first bit set. undefined: neither. */
function number(block: Buffer, start: number, length: number): number | undefined {
  const field = block.subarray(start, start + length);
  if (((field[0] ?? 0) & 0x80) !== 0) return binary(field);
  const digits = field
    .toString('latin1')
    .replace(/^[ \0]+/, '')
    .replace(/[ \0].*$/s, '');
  return /^[0-7]*$/.test(digits) ? parseInt(digits || '0', 8) : undefined;
}

function binary(field: Buffer): number | undefined {
  const bits = BigInt(field.length * 8);
  const all = BigInt(`0x${field.toString('hex')}`);
  // 0x80 in front: positive; 0xff: two's complement.
  const value = field[0] === 0xff ? all - (1n << bits) : all - (1n << (bits - 1n));
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : undefined;
}
