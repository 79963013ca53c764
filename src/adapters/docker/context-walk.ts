import { posix } from 'node:path';
import { Failure } from '../../model/errors.js';
import { comparePaths } from '../../model/tree.js';
import type { Lanes } from './context-lanes.js';
import type { Shelf } from './context-shelf.js';

/** Reads a file or a directory of the store from front to back. */
export type Walk = {
  path: string;
  /** The bytes of the file at `place`, which lies ahead. They must be read, or left, before the next one is asked for. */
  forward(place: string): Promise<AsyncIterable<Uint8Array>>;
  close(): Promise<void>;
};

export async function openWalk(
  path: string,
  { lanes, shelf, signal }: { lanes: Lanes; shelf: Shelf; signal: AbortSignal },
): Promise<Walk> {
  const lane = await lanes.take();
  const streamed = lane.container.read(`/${path}`, signal)[Symbol.asyncIterator]();
  return {
    path,
    async forward(place) {
      for (;;) {
        const { value, done } = await streamed.next();
        if (done === true) throw lost(place);
        const { entry, chunks } = value;
        // A single file comes under its own name.
        const at = place === path ? path : posix.join(path, entry.path);
        if (comparePaths(at, place) > 0) throw lost(place);
        if (entry.type !== 'file' || chunks === undefined) continue;
        const kept = await shelf.offer(at, { size: entry.size, chunks });
        if (at === place) return kept ?? chunks;
      }
    },
    async close() {
      await streamed.return?.();
      lane[Symbol.dispose]();
    },
  };
}

function lost(place: string): Failure {
  return new Failure('ENGINE_FAILED', `the engine has lost a file of the context (${place})`);
}
