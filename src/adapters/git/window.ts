/** A queue between one who puts in and one who takes out, of limited length. */
export interface Window<T> {
  /** Resolves when there is room for more; false: nobody takes out any more. */
  push(item: T): Promise<boolean>;
  /** No more will come; with an error, `shift` rejects with it after the last item. */
  end(error?: unknown): void;
  /** The next item; undefined after the last one. */
  shift(): Promise<T | undefined>;
  /** Nobody will take out any more. */
  close(): void;
}

export function createWindow<T>(size: number): Window<T> {
  const items: T[] = [];
  let state: 'open' | 'ended' | 'closed' = 'open';
  let problem: unknown;
  let wake: () => void = () => undefined;
  // At most one side waits at a time: the window is full or empty, never both.
  const change = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  return {
    async push(item) {
      items.push(item);
      wake();
      while (items.length >= size && state !== 'closed') await change();
      return state !== 'closed';
    },
    end(error) {
      if (state === 'open') state = 'ended';
      problem = error;
      wake();
    },
    async shift() {
      while (items.length === 0 && state === 'open') await change();
      if (items.length === 0 && problem !== undefined) throw problem;
      const item = items.shift();
      wake();
      return item;
    },
    close() {
      state = 'closed';
      wake();
    },
  };
}
