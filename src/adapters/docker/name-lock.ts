/** Runs tasks with the same name one after the other, others side by side. */
export type NameLock = <T>(name: string, task: () => Promise<T>) => Promise<T>;

export function createNameLock(): NameLock {
  const tails = new Map<string, Promise<unknown>>();
  return async (name, task) => {
    const result = (tails.get(name) ?? Promise.resolve()).then(task);
    const tail = result.catch(() => undefined);
    tails.set(name, tail);
    await tail;
    if (tails.get(name) === tail) tails.delete(name);
    return result;
  };
}
