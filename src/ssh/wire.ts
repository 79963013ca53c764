/** Strings of the SSH wire format (RFC 4251 §5): a big-endian uint32 length, then the bytes. */

/** Cuts `data` into its strings, or gives undefined where it does not consist of whole strings alone. */
export function readStrings(data: Buffer): Buffer[] | undefined {
  const strings: Buffer[] = [];
  let at = 0;
  while (at < data.length) {
    if (at + 4 > data.length) return undefined;
    const end = at + 4 + data.readUInt32BE(at);
    if (end > data.length) return undefined;
    strings.push(data.subarray(at + 4, end));
    at = end;
  }
  return strings;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function wireString(content: Uint8Array | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([uint32(bytes.length), bytes]);
}
