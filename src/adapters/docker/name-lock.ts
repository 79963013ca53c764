/**
 * Runs tasks with the same name one after the other in the order of their coming, others side by side. Rejects with the reason of
 * `signal` where that aborts before the task's turn: then the task never starts.
 */
export type NameLock = <T>(turn: { name: string; signal: AbortSignal }, task: () => Promise<T>) => Promise<T>;

export function createNameLock(): NameLock {
  /** Those who wait, by the names that are taken. */
  const taken = new Map<string, (() => void)[]>();
  const take = (name: string, signal: AbortSignal): Promise<void> | void => {
    signal.throwIfAborted();
    const waiting = taken.get(name);
    if (waiting === undefined) return void taken.set(name, []);
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        waiting.splice(waiting.indexOf(start), 1);
        reject(signal.reason);
      };
      waiting.push(start);
      signal.addEventListener('abort', leave, { once: true });
    });
  };
  const pass = (name: string) => {
    const start = taken.get(name)?.shift();
    if (start === undefined) taken.delete(name);
    else start();
  };
  return async ({ name, signal }, task) => {
    await take(name, signal);
    try {
      return await task();
    } finally {
      pass(name);
    }
  };
}
