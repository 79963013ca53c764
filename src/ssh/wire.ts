/** The SSH wire format (RFC 4251 §5): a string is a big-endian uint32 length, then the bytes. */

/** What was read is not what the format wants. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

export type WireReader = {
  string(): Buffer;
  /** A string that people may read: UTF-8, without a NUL in it. */
  text(): string;
  byte(): number;
  uint32(): number;
  uint64(): bigint;
  atEnd(): boolean;
  /** How many bytes have been read. */
  offset(): number;
  /** The bytes that have been read from this offset on. */
  since(offset: number): Buffer;
  /** Throws unless all has been read. */
  end(): void;
};

/** Reads from front to back. Everything throws WireError where the bytes do not have the form. */
export function createReader(data: Buffer): WireReader {
  let at = 0;
  const take = (length: number): Buffer => {
    if (length > data.length - at) throw new WireError('it is cut short');
    at += length;
    return data.subarray(at - length, at);
  };
  const string = (): Buffer => take(take(4).readUInt32BE());
  return {
    string,
    text: () => {
      const text = string().toString('utf8');
      if (text.includes('\0')) throw new WireError('a text in it holds a NUL');
      return text;
    },
    byte: () => take(1)[0]!,
    uint32: () => take(4).readUInt32BE(),
    uint64: () => take(8).readBigUInt64BE(),
    atEnd: () => at === data.length,
    offset: () => at,
    since: (offset) => data.subarray(offset, at),
    end: () => {
      if (at !== data.length) throw new WireError('something follows its end');
    },
  };
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
