/** A point that all of a number of parties reach before any goes on. */
export type Barrier = {
  /** Resolves when all have arrived. Rejects once one has failed. */
  arrive(): Promise<void>;
  /** One party will never arrive. */
  fail(error: Error): void;
};

export function createBarrier(parties: number): Barrier {
  let missing = parties;
  let resolve: () => void;
  let reject: (error: Error) => void;
  const all = new Promise<void>((whenAll, whenFailed) => {
    [resolve, reject] = [whenAll, whenFailed];
  });
  // Nobody may be waiting when one fails.
  all.catch(() => undefined);
  return {
    arrive() {
      if (--missing === 0) resolve();
      return all;
    },
    fail: (error) => reject(error),
  };
}
