import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../ports.js';

/** The system's clock. */
export function createClock(): Clock {
  return {
    now: () => new Date(),
    elapsed: () => performance.now(),
    wait: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
  };
}
