import http2 from 'node:http2';
import type { Duplex } from 'node:stream';
import { frameWriter, readFrames } from './frames.js';

/**
 * A gRPC server on one connection that exists already, over node:http2 (protocol: grpc/grpc, doc/PROTOCOL-HTTP2.md).
 * Not grpc-js: it writes each message to the socket alone, where a context of many small files wants them together.
 */
export type Call = {
  /** Request metadata; a key may come several times. */
  metadata: ReadonlyMap<string, readonly string[]>;
  messages: AsyncIterable<Buffer>;
  /** Await the answer: a promise means that the other side is slow. Rejects when it has gone. */
  send: (message: Uint8Array) => void | Promise<void>;
  /** As `send`, for messages that are in gRPC frames already, in any pieces. Their bytes may not change any more. */
  sendFramed: (...pieces: readonly Uint8Array[]) => void | Promise<void>;
};

/** Serves one call; the call ends well when it resolves. */
export type Method = (call: Call) => Promise<void>;

type StreamEvent = [
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
];

/** Status codes of grpc/grpc, doc/statuscodes.md. */
export const grpcStatus = { ok: 0, unknown: 2, notFound: 5, unimplemented: 12 } as const;

/** A call's bad end with a status of its own; anything else that a method throws is `unknown`. */
export class GrpcError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Serves `methods` (by path, e.g. `/grpc.health.v1.Health/Check`) until the socket closes.
 * `onError` hears what a method threw that is no answer to the other side but our own trouble.
 */
export function serveGrpc(
  socket: Duplex,
  methods: ReadonlyMap<string, Method>,
  onError: (error: unknown) => void,
): void {
  const server = http2.createServer();
  server.on('sessionError', () => socket.destroy());
  // Node documents a fourth argument, the raw header list, that its types leave out.
  const onStream = (...[stream, headers, , rawHeaders]: StreamEvent) => {
    // A broken stream shows in the method that reads or writes it.
    stream.on('error', () => undefined);
    const method = methods.get(headers[':path'] ?? '') ?? unimplemented;
    const call = { metadata: readMetadata(rawHeaders), messages: readFrames(stream) };
    void answer(stream, (sender) => method({ ...call, ...sender }), onError);
  };
  server.on('stream', onStream as (...given: unknown[]) => void);
  server.emit('connection', socket);
}

const unimplemented: Method = () =>
  Promise.reject(new GrpcError(grpcStatus.unimplemented, 'not implemented'));

async function answer(
  stream: http2.ServerHttp2Stream,
  run: (sender: Pick<Call, 'send' | 'sendFramed'>) => Promise<void>,
  onError: (error: unknown) => void,
): Promise<void> {
  let status: number = grpcStatus.ok;
  let message = '';
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => {
    stream.sendTrailers({ 'grpc-status': String(status), 'grpc-message': encodeURIComponent(message) });
  });
  const writer = frameWriter(stream);
  try {
    await run({ send: writer.write, sendFramed: writer.writeFramed });
    await writer.flush();
  } catch (error) {
    status = error instanceof GrpcError ? error.status : grpcStatus.unknown;
    message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof GrpcError) && !stream.destroyed) onError(error);
  }
  if (!stream.destroyed) stream.end();
}

// From the raw list: in the parsed headers, repeated values are joined by ', ', which a file's name may hold as well.
function readMetadata(rawHeaders: readonly string[]): Map<string, string[]> {
  const metadata = new Map<string, string[]>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const key = rawHeaders[i]!;
    const values = metadata.get(key);
    if (values === undefined) metadata.set(key, [rawHeaders[i + 1]!]);
    else values.push(rawHeaders[i + 1]!);
  }
  return metadata;
}
