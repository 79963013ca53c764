import type { Writable } from 'node:stream';

/** Writes text, or bytes as they are. A promise means that the reader is slow: wait for it. Writes to a stream that is gone are dropped. */
export type Pump = (text: string | Uint8Array) => void | Promise<void>;

/** A pump into `stream` that never holds more than one write beyond the stream's own buffer, if its caller waits as told. */
export function createPump(stream: Writable): Pump {
  return (text) => {
    if (text.length === 0 || stream.destroyed || stream.writableEnded || stream.write(text)) return;
    return drained(stream);
  };
}

/** Resolves when the reader has taken all that was written, or is gone. */
export function flushed(stream: Writable): Promise<void> {
  if (stream.destroyed || stream.writableEnded) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('close', resolve);
    stream.write('', () => {
      stream.off('close', resolve);
      resolve();
    });
  });
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const name of ['drain', 'close', 'error']) stream.off(name, done);
      resolve();
    };
    for (const name of ['drain', 'close', 'error']) stream.on(name, done);
  });
}
