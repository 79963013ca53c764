import { networkOf } from './addresses.js';
import type { ServerLog } from './log.js';

/** What was refused to whom and why, for the operator's log; a flood of refusals is no flood of lines. */
export type Refusals = {
  /** `what` is a message such as 'login refused'; `reason` may have come from the client. */
  note(address: string, what: string, reason: string): void;
  /** Writes what has been counted so far. */
  flush(): void;
};

export const refusalLimits = {
  /** How long the same is only counted. */
  periodMs: 60_000,
  /** Reasons of one address and period that get a line each: clients can make up any number of them. */
  reasons: 8,
  /** Addresses that are told apart in one period. */
  addresses: 256,
};

type Tally = {
  address: string;
  what: string;
  reasons: Set<string>;
  unwritten: number;
  timer: NodeJS.Timeout;
};

/**
 * The first refusal of each kind, from each address and for each reason, is written at once (warn: address, reason). More of them within
 * a minute are counted, and told in one line behind it (`count`).
 */
export function createRefusals(log: ServerLog): Refusals {
  const tallies = new Map<string, Tally>();

  const close = (key: string): void => {
    const { address, what, unwritten: count, timer } = tallies.get(key)!;
    clearTimeout(timer);
    tallies.delete(key);
    if (count > 0)
      log.warn({ address, count, seconds: refusalLimits.periodMs / 1000 }, `${what}, repeatedly`);
  };
  const open = (key: string, { address, what }: Pick<Tally, 'address' | 'what'>): Tally => {
    const timer = setTimeout(() => close(key), refusalLimits.periodMs).unref();
    const tally = { address, what, reasons: new Set<string>(), unwritten: 0, timer };
    tallies.set(key, tally);
    return tally;
  };
  return {
    note(address, what, reason) {
      const own = `${what} ${networkOf(address)}`;
      const isCrowded = tallies.size >= refusalLimits.addresses && !tallies.has(own);
      const key = isCrowded ? `${what} others` : own;
      const tally = tallies.get(key) ?? open(key, { address: isCrowded ? 'many addresses' : address, what });
      const isNew = !tally.reasons.has(reason) && tally.reasons.size < refusalLimits.reasons;
      if (!isNew) return void (tally.unwritten += 1);
      tally.reasons.add(reason);
      log.warn({ address, reason }, what);
    },
    flush() {
      for (const key of [...tallies.keys()]) close(key);
    },
  };
}
