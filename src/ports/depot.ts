/** What runners that use one data directory at once agree on. Names are letters, digits, `.`, `_` and `-`. */
export interface Locks {
  /**
   * Runs tasks of one name one after another, in all runners of the data directory; of one runner in the order of their coming. A lock is
   * free once its runner has ended, however it ended. Rejects with the reason of `signal` where that aborts before the task's turn.
   */
  alone<T>(name: string, signal: AbortSignal, task: () => Promise<T>): Promise<T>;
  /** The lock of that name until it is disposed (safe twice, never rejects), or at once undefined where somebody has it. */
  take(name: string): Promise<AsyncDisposable | undefined>;
}

/** Copies of repositories of one kind, a directory below `root` each, which the runners of a data directory share. */
export interface Depot {
  root: string;
  /** Runs what changes a copy, or a `part` of it that nothing else touches, one after another. */
  change<T>(copy: { name: string; part?: string }, signal: AbortSignal, task: () => Promise<T>): Promise<T>;
  /**
   * From when this resolves until it is released the copy is not removed, and `what` in it (a commit) not tidied away. It need not be
   * there yet. Waits for nobody unless the copy is new.
   */
  hold(name: string, what: string, signal: AbortSignal): Promise<Hold>;
  /** What of the copy is held, by runners that live. */
  held(name: string): Promise<ReadonlySet<string>>;
}

export interface Hold {
  /** Safe twice, never rejects. */
  release(): Promise<void>;
}
