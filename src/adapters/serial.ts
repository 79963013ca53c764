import { unlessAborted } from '../model/abort.js';

/** Runs tasks of one key one after another, of different keys side by side. */
export type Serial = <T>(key: string, signal: AbortSignal, task: () => Promise<T>) => Promise<T>;

/** A task whose signal aborts while it waits is never started, and its caller does not wait for its turn. */
export function createSerial(): Serial {
  const tails = new Map<string, Promise<void>>();
  return async (key, signal, task) => {
    const before = tails.get(key) ?? Promise.resolve();
    const { promise: ended, resolve: end } = withResolver();
    const tail = before.then(() => ended);
    tails.set(key, tail);
    try {
      await unlessAborted(before, signal);
      return await task();
    } finally {
      end();
      void tail.then(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
    }
  };
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
