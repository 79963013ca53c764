export type Lanes = {
  /** Resolves when another task may start. */
  vacancy(): Promise<void>;
  /** Does not wait. What the task rejects with goes to `onFailure`. */
  start(task: () => Promise<void>): void;
  /** Resolves when no task runs. Never rejects. */
  settled(): Promise<void>;
};

/** Runs tasks side by side, `size` at most. */
export function createLanes(size: number, onFailure: (error: unknown) => void): Lanes {
  const running = new Set<Promise<void>>();
  return {
    async vacancy() {
      while (running.size >= size) await Promise.race(running);
    },
    start(task) {
      const run: Promise<void> = task()
        .catch(onFailure)
        .finally(() => running.delete(run));
      running.add(run);
    },
    async settled() {
      await Promise.all(running);
    },
  };
}
