import { setTimeout as wait } from 'node:timers/promises';

/** Lets through while it is open, and holds up while it is not. Begins closed. */
export type Gate = {
  open(): void;
  close(): void;
  /** Says whether it was open, or opened within `ms`. */
  passed(ms: number): Promise<boolean>;
};

export function createGate(): Gate {
  let isOpen = false;
  const waiting = new Set<() => void>();
  return {
    open() {
      isOpen = true;
      for (const go of waiting) go();
      waiting.clear();
    },
    close: () => (isOpen = false),
    async passed(ms) {
      if (isOpen) return true;
      const timer = new AbortController();
      const opened = new Promise<void>((resolve) => waiting.add(resolve));
      const late = wait(ms, undefined, { signal: timer.signal }).catch(() => undefined);
      await Promise.race([opened, late]);
      timer.abort();
      return isOpen;
    },
  };
}
