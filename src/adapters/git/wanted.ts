/** Commits that callers wait to fetch: who has its turn brings along what those want who show the same to the same repository. */
export interface Wanted {
  /** Until it is taken, or disposed. `place` names the store and the caller. */
  add(place: string, commit: string): Disposable;
  /** What others want there, each once: what cannot be had is in nobody's way twice. */
  take(place: string, own: string): string[];
}

/** More would keep the one whose turn it is from its own build for long. */
const AT_ONCE = 31;

export function createWanted(): Wanted {
  const waiting = new Map<string, Set<string>>();
  const drop = (place: string, commit: string): void => {
    const commits = waiting.get(place);
    commits?.delete(commit);
    if (commits?.size === 0) waiting.delete(place);
  };
  return {
    add(place, commit) {
      const commits = waiting.get(place) ?? new Set();
      waiting.set(place, commits.add(commit));
      return { [Symbol.dispose]: () => drop(place, commit) };
    },
    take(place, own) {
      drop(place, own);
      const others = [...(waiting.get(place) ?? [])].slice(0, AT_ONCE);
      for (const commit of others) drop(place, commit);
      return others;
    },
  };
}
