import { createHash } from 'node:crypto';
import type { Locks } from '../../ports.js';

/**
 * Runs tasks with the same name one after the other in the order of their coming, others side by side. Rejects with the reason of
 * `signal` where that aborts before the task's turn: then the task never starts.
 */
export type NameLock = <T>(turn: { name: string; signal: AbortSignal }, task: () => Promise<T>) => Promise<T>;

/** What stands for a name where only letters and digits may. */
export function nameKey(name: string): string {
  return `name-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

/** Of all runners that share `locks`; without them, of this process. */
export function createNameLock(locks?: Pick<Locks, 'alone'>): NameLock {
  if (locks === undefined) return ownNameLock();
  return ({ name, signal }, task) => locks.alone(nameKey(name), signal, task);
}

function ownNameLock(): NameLock {
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
