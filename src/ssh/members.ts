/** The connections that have logged in, counted. */
export type Members = {
  isFull(): boolean;
  /** Why one more with this key cannot stay; undefined: it can. */
  excess(key: string): string | undefined;
  /** Counts one until the answer is called. */
  enter(key: string): () => void;
};

/** One key never has all places, so that its owner does not lock the others out. */
export function countMembers(limits: { maxConnections: number; maxConnectionsPerKey: number }): Members {
  const { maxConnections, maxConnectionsPerKey } = limits;
  const byKey = new Map<string, number>();
  let all = 0;
  const count = (key: string, change: number): void => {
    const now = (byKey.get(key) ?? 0) + change;
    all += change;
    if (now > 0) byKey.set(key, now);
    else byKey.delete(key);
  };
  return {
    isFull: () => all >= maxConnections,
    excess: (key) => {
      if (all >= maxConnections) return `more than ${maxConnections} connections`;
      if ((byKey.get(key) ?? 0) < maxConnectionsPerKey) return undefined;
      return `more than ${maxConnectionsPerKey} connections with key ${key}`;
    },
    enter: (key) => {
      count(key, 1);
      return () => count(key, -1);
    },
  };
}
