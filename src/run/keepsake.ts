/** How many are kept, and for how long (milliseconds). Each holds up to 4 MiB of log. */
const MOST = 8;
const LONGEST = 3_600_000;

/** The newest few things by name, each for an hour. */
export type Keepsake<T> = {
  keep(name: string, thing: T): void;
  get(name: string): T | undefined;
  forget(name: string): void;
  all(): T[];
};

export function createKeepsake<T>(): Keepsake<T> {
  const kept = new Map<string, { thing: T; timer: NodeJS.Timeout }>();
  const forget = (name: string): void => {
    clearTimeout(kept.get(name)?.timer);
    kept.delete(name);
  };
  return {
    keep(name, thing) {
      forget(name);
      kept.set(name, { thing, timer: setTimeout(forget, LONGEST, name).unref() });
      // A map keeps the order of arrival.
      if (kept.size > MOST) forget(kept.keys().next().value!);
    },
    get: (name) => kept.get(name)?.thing,
    forget,
    all: () => [...kept.values()].map(({ thing }) => thing),
  };
}
