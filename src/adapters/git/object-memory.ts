export type ObjectHeader = { id: string; type: string; size: number };

/** An answer that was read to its end; `body` is empty for `info`. */
export type KnownObject = { header: ObjectHeader; body: Buffer };

/**
 * Answers of `git cat-file` that are likely to be asked for again: those that begin the reading of a revision. Objects are named after
 * what they hold, so none goes stale; who asks for one has been let in to its commit.
 */
export interface ObjectMemory {
  recall(directory: string, command: string): KnownObject | undefined;
  keep(question: { directory: string; command: string }, known: KnownObject): void;
}

/** Larger ones are read each time. */
export const MAX_REMEMBERED = 16 * 1024;
/** What a remembered answer takes beside its body. */
const OVERHEAD = 300;

/** Forgets what was used least lately, so that all take no more than about `limit` bytes. */
export function createObjectMemory(limit = 2 * 2 ** 20): ObjectMemory {
  const known = new Map<string, KnownObject>();
  let total = 0;
  const weigh = ({ body }: KnownObject): number => body.length + OVERHEAD;
  return {
    recall(directory, command) {
      const key = `${directory} ${command}`;
      const found = known.get(key);
      if (found === undefined) return undefined;
      known.delete(key);
      known.set(key, found);
      return found;
    },
    keep({ directory, command }, { header, body }) {
      const key = `${directory} ${command}`;
      if (known.has(key)) return;
      // A copy: the bytes are a part of a larger buffer.
      const kept = { header, body: Buffer.from(body) };
      known.set(key, kept);
      total += weigh(kept);
      for (const [oldest, object] of known) {
        if (total <= limit) return;
        known.delete(oldest);
        total -= weigh(object);
      }
    },
  };
}
