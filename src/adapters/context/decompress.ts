import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Failure } from '../../model/errors.js';
import { type Bytes, cutOff, invalid, readBytes } from './bytes.js';
import { unpackZstd } from './zstd.js';

/** First bytes of what a tar may be packed in (RFC 1952, RFC 8878), and of what callers send by mistake. */
const formats: readonly { magic: readonly number[]; name: string; unpack?: Unpack }[] = [
  { magic: [0x1f, 0x8b], name: 'gzip', unpack: gunzip },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], name: 'zstd', unpack: unpackZstd },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], name: 'xz' },
  { magic: [0x42, 0x5a, 0x68], name: 'bzip2' },
  { magic: [0x50, 0x4b, 0x03, 0x04], name: 'zip' },
];

type Unpack = (packed: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array>;

/** Disposing ends the unpacking, wherever it is. */
export type Unpacked = AsyncDisposable & {
  bytes: Bytes;
  /** There is a check of the whole behind the last byte: only who reads to the end has seen it. */
  checked: boolean;
};

/** The bytes of a stream, unpacked where its first ones say that it is packed. Rejects with TREE_INVALID where it is empty. */
export async function decompress(stream: Bytes): Promise<Unpacked> {
  const head = await stream.peek(6);
  if (head.length === 0) {
    throw invalid(
      'the context is empty: stdin ended before its first byte',
      'pipe a tar into it: tar c . | ssh …',
    );
  }
  const found = formats.find(({ magic }) => magic.every((byte, at) => head[at] === byte));
  if (found === undefined) {
    return { bytes: stream, checked: false, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  if (found.unpack === undefined) {
    throw invalid(
      `the context is ${found.name}, which is not read`,
      'send a tar, plain or packed with gzip or zstd',
    );
  }
  const unpacked = found.unpack(stream.rest());
  return {
    bytes: readBytes(async () => (await unpacked.next()).value ?? undefined),
    checked: true,
    [Symbol.asyncDispose]: async () => void (await unpacked.return(undefined)),
  };
}

async function* gunzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const transform: Duplex = createGunzip();
  // Whoever reads what comes out hears of it too.
  pipeline(packed, transform).catch(() => undefined);
  try {
    yield* transform as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw zlibFailure(error);
  } finally {
    transform.destroy();
  }
}

/** Codes of zlib's own: an end too early is Z_BUF_ERROR. */
function zlibFailure(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (error instanceof Failure || !code.startsWith('Z_')) return error;
  return code === 'Z_BUF_ERROR' ? cutOff(error) : invalid(`the context's gzip data is damaged (${code})`);
}
