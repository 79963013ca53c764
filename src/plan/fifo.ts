/** First in, first out. An array's own `shift` moves all the others, and a reader that looks ahead asks for a hundred thousand files. */
export type Fifo<T> = { push: (item: T) => void; first: () => T | undefined; shift: () => T | undefined };

export function createFifo<T>(): Fifo<T> {
  let items: T[] = [];
  let head = 0;
  return {
    push: (item) => void items.push(item),
    first: () => items[head],
    shift: () => {
      const item = items[head++];
      if (head * 2 > items.length) [items, head] = [items.slice(head), 0];
      return item;
    },
  };
}
