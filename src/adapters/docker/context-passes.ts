/** Where a file lies in the order in which the engine gives a directory: which one it is, and what all before it cost to read past. */
export type Positions = {
  /** What must be read past to come from the start of one entry to that of another, as if of bytes. */
  distance(from: number, to: number): number;
  /** The directories above an entry, the outermost first, each with the entry that it begins with. */
  above(index: number): Iterable<{ directory: string; first: number }>;
};

/** What opening costs, as bytes: an engine takes 100 ms for it, and gives 160 MB in a second. */
const OPENING = 16 * 1024 * 1024;

/**
 * Decides how to come to the next file: read on, open a directory whose walk leads past it, or open the file alone. A walk is worth as
 * much as openings have cost before it, so all together cost no more than about twice the best that could have been done.
 */
export function createPassPlan(positions: Positions) {
  let credit = 0;
  return {
    /** Whether a walk that stands before `at` should go on to `to`. */
    readsOn: (at: number, to: number): boolean => at <= to && positions.distance(at, to) <= OPENING,
    /** The directory to open for the entry, and with which entry it begins; undefined: the file alone. */
    open(to: number): { directory: string; first: number } | undefined {
      credit += OPENING;
      for (const above of positions.above(to)) {
        const cost = positions.distance(above.first, to);
        if (cost > credit) continue;
        credit -= cost;
        return above;
      }
      return undefined;
    },
  };
}
