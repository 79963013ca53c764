import type { Container } from '../../ports.js';

/** Containers of one image, made as they are needed: the engine reads from each of them one thing at a time. */
export type Lanes = AsyncDisposable & {
  /** One that nobody reads from. Disposing gives it back. */
  take(): Promise<{ container: Container } & Disposable>;
};

export function createLanes(make: () => Promise<Container>): Lanes {
  const all = new Set<Container>();
  const idle: Container[] = [];
  let disposed = false;
  return {
    async take() {
      let container = idle.pop();
      if (container === undefined) all.add((container = await make()));
      if (disposed) {
        await container[Symbol.asyncDispose]();
        throw new Error('the context was disposed');
      }
      let given = false;
      return {
        container,
        [Symbol.dispose]() {
          if (!given) idle.push(container);
          given = true;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      await Promise.all([...all].map((container) => container[Symbol.asyncDispose]()));
    },
  };
}
