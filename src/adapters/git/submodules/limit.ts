/** Runs at most so many tasks at a time, in the order in which they came. */
export type Limit = <T>(task: () => Promise<T>) => Promise<T>;

export function createLimit(most: number): Limit {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await task();
    } finally {
      // Whoever waits takes over this place.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
