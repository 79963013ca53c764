import type { Writable } from 'node:stream';
import { LAST_WORDS } from '../model/last-words.js';

/** Writes text, or bytes as they are. A promise means that the reader is slow: wait for it. Writes to a stream that is gone are dropped. */
export type Pump = (text: string | Uint8Array) => void | Promise<void>;

/** A pump into `stream` that never holds more than one write beyond the stream's own buffer, if its caller waits as told. */
export function createPump(stream: Writable): Pump {
  return (text) => {
    if (text.length === 0 || stream.destroyed || stream.writableEnded || stream.write(text)) return;
    return drained(stream);
  };
}

/** Resolves when the reader has taken all that was written, or is gone, or has not taken it `within` so many milliseconds. */
export function flushed(stream: Writable, within = LAST_WORDS): Promise<void> {
  if (stream.destroyed || stream.writableEnded) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      stream.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, within).unref();
    stream.once('close', done);
    stream.write('', done);
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
