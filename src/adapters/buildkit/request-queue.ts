/** Hands numbers from who finds them to one reader who waits for them. */
export type RequestQueue = AsyncIterable<number> & {
  push(number: number): void;
  /** No more will come; the reader ends after what waits. */
  end(): void;
};

/**
 * Gives what waits in rising order, over and over from the bottom, as a lift does: BuildKit asks for all files at once and in no order,
 * and there are trees that can be read only from front to back.
 */
export function requestQueue(): RequestQueue {
  let [ahead, behind] = [createHeap(), createHeap()];
  let last = -1;
  let ended = false;
  let wake: () => void = () => undefined;
  return {
    push(number) {
      (number > last ? ahead : behind).push(number);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        if (ahead.size() === 0) [ahead, behind] = [behind, ahead];
        const next = ahead.pop();
        if (next !== undefined) yield (last = next);
        else if (ended) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

/** A binary heap: the smallest number comes out first. */
function createHeap() {
  const numbers: number[] = [];
  const swap = (a: number, b: number): void => {
    [numbers[a], numbers[b]] = [numbers[b]!, numbers[a]!];
  };
  const smallerChild = (at: number): number => {
    const [left, right] = [2 * at + 1, 2 * at + 2];
    return right < numbers.length && numbers[right]! < numbers[left]! ? right : left;
  };
  return {
    size: () => numbers.length,
    push(number: number): void {
      let at = numbers.push(number) - 1;
      for (let above = (at - 1) >> 1; at > 0 && numbers[at]! < numbers[above]!; above = (at - 1) >> 1) {
        swap(at, above);
        at = above;
      }
    },
    pop(): number | undefined {
      if (numbers.length <= 1) return numbers.pop();
      const top = numbers[0]!;
      numbers[0] = numbers.pop()!;
      for (let at = 0, child = smallerChild(0); child < numbers.length && numbers[child]! < numbers[at]!;) {
        swap(at, child);
        at = child;
        child = smallerChild(at);
      }
      return top;
    },
  };
}
