/**
 * The protobuf encoding (protobuf.dev/programming-guides/encoding), as much of it as BuildKit's messages need.
 * Own code rather than a library for two reasons: a file's mtime in nanoseconds does not fit a number, and packets are
 * written straight into the buffer that goes out.
 */

/** Fields of a message that is being written. Zero, `''` and empty bytes are left out, as proto3 has it. */
type MessageWriter = {
  integer(field: number, value: number | bigint): MessageWriter;
  bytes(field: number, value: Uint8Array): MessageWriter;
  text(field: number, value: string): MessageWriter;
  /** The beginning of a field of so many bytes, which follow the message. */
  lengthOf(field: number, bytes: number): MessageWriter;
  finish(): Buffer;
};

const MAX_VARINT = 10;

export function writeMessage(): MessageWriter {
  const parts: Uint8Array[] = [];
  const writer: MessageWriter = {
    integer(field, value) {
      if (value != 0) parts.push(varint(field * 8), varint(value));
      return writer;
    },
    bytes(field, value) {
      if (value.length > 0) parts.push(varint(field * 8 + 2), varint(value.length), value);
      return writer;
    },
    text: (field, value) => writer.bytes(field, Buffer.from(value)),
    lengthOf(field, bytes) {
      if (bytes > 0) parts.push(varint(field * 8 + 2), varint(bytes));
      return writer;
    },
    finish: () => Buffer.concat(parts),
  };
  return writer;
}

/** Base-128 bytes of an integer; a negative one takes ten, as int64 does. */
function varint(value: number | bigint): Buffer {
  const bytes = Buffer.allocUnsafe(MAX_VARINT);
  let length = 0;
  if (typeof value === 'bigint') {
    let rest = BigInt.asUintN(64, value);
    for (; rest > 0x7fn; rest >>= 7n) bytes[length++] = Number(rest & 0x7fn) | 0x80;
    bytes[length++] = Number(rest);
  } else {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes[length++] = (rest % 128) | 0x80;
    bytes[length++] = rest;
  }
  return bytes.subarray(0, length);
}

/** A field's value: an integer, or the bytes of a string, of a nested message or of bytes. */
export type WireValue = number | Buffer;

/**
 * Calls `visit` for each field in the order of the message. Integers above 2^53 lose their last bits: no message that we read
 * holds one. Throws RangeError where the message is cut short.
 */
export function readMessage(message: Buffer, visit: (field: number, value: WireValue) => void): void {
  let at = 0;
  const take = (length: number) => {
    const end = at + length;
    if (end > message.length) throw new RangeError('protobuf message is cut short');
    const bytes = message.subarray(at, end);
    at = end;
    return bytes;
  };
  const integer = () => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new RangeError('protobuf message is cut short');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = integer();
    const field = Math.floor(key / 8);
    const kind = key % 8;
    if (kind === 0) visit(field, integer());
    else if (kind === 2) visit(field, take(integer()));
    else if (kind === 1) visit(field, take(8));
    else if (kind === 5) visit(field, take(4));
    else throw new RangeError(`protobuf field of unknown kind ${kind}`);
  }
}

export function asNumber(value: WireValue): number {
  return typeof value === 'number' ? value : 0;
}

export function asBytes(value: WireValue): Buffer {
  return typeof value === 'number' ? Buffer.alloc(0) : value;
}

export function asText(value: WireValue): string {
  return asBytes(value).toString();
}
