import type { Writable } from 'node:stream';

/**
 * What is written to `stream` until `later` calls back leaves together: in one call of the system where the stream is a socket, in one
 * packet where it is a channel's side.
 */
export function gatherWrites(stream: Writable, later: (send: () => void) => void): void {
  const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
  stream.write = (...given: unknown[]) => {
    if (stream.writableCorked === 0) {
      stream.cork();
      later(() => stream.uncork());
    }
    return write(...given);
  };
}
