/** Hands values from who finds them to one reader who waits for them. */
export type RequestQueue<T> = AsyncIterable<T> & {
  push(value: T): void;
  /** No more will come; the reader ends after what waits. */
  end(): void;
};

export function requestQueue<T>(): RequestQueue<T> {
  let waiting: T[] = [];
  let ended = false;
  let wake: () => void = () => undefined;
  return {
    push(value) {
      waiting.push(value);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const batch = waiting;
        waiting = [];
        yield* batch;
        if (waiting.length > 0) continue;
        if (ended) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
