import { setTimeout } from 'node:timers/promises';
import type { Connection } from './connection.js';

/** Takes something out of the engine. Safe twice, and safe where it is not there. */
export type Removal = (signal: AbortSignal) => Promise<void>;

/** What is done about a name that an image has borne, in words: debts are known by them. */
export const removing = (name: string): string => `remove the name ${name}`;
export const givingBack = (name: string): string => `give the name ${name} back`;

/** Milliseconds before the first of the later tries; the pause doubles while nothing comes of them. */
const PAUSE = 2_000;
const LONGEST_PAUSE = 60_000;
/** Milliseconds that the engine has for one of them. */
const DEADLINE = 10_000;
/** What is beyond it is left to the sweep of the next start. */
const MOST = 10_000;

/** What is still to be removed, by what it is. */
const debts = new WeakMap<Connection, Map<string, Removal>>();

/**
 * Tries a removal again that has failed, until it succeeds: an engine that was away comes back with all that it had. It keeps no process
 * alive. Another of the same name takes its place.
 */
export function owe(connection: Connection, what: string, removal: Removal): void {
  const known = debts.get(connection);
  if (known !== undefined) {
    if (known.size < MOST) known.set(what, removal);
    return;
  }
  const fresh = new Map([[what, removal]]);
  debts.set(connection, fresh);
  void repay(fresh).finally(() => debts.delete(connection));
}

/** It is wanted after all. */
export function forgive(connection: Connection, what: string): void {
  debts.get(connection)?.delete(what);
}

/** Whether this very removal is still to be done: for one that had to wait for its turn. */
export function isOwed(connection: Connection, what: string, removal: Removal): boolean {
  return debts.get(connection)?.get(what) === removal;
}

async function repay(owed: Map<string, Removal>): Promise<void> {
  for (let pause = PAUSE; owed.size > 0;) {
    await setTimeout(pause, undefined, { ref: false });
    const before = owed.size;
    for (const [what, removal] of owed) {
      try {
        await removal(AbortSignal.timeout(DEADLINE));
        if (owed.get(what) === removal) owed.delete(what);
      } catch {
        // One that cannot be removed before another waits for the next round, and so does all where the engine is away.
      }
    }
    pause = owed.size < before ? PAUSE : Math.min(pause * 2, LONGEST_PAUSE);
  }
}
