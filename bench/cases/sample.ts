import type { WayName } from '../fixtures/fixture.js';
import type { Cpu } from '../process.js';

/**
 * `cold`: nobody has seen the repository. `same`: the same revision again, access proved lately. `same-proof`: the same
 * with an access proof to make. `next`: one changed file. `log`: one build with a long log. `at-once`: many builds, all of them;
 * `at-once-all`: at a runner that lets all of them run.
 */
export type CaseName = 'cold' | 'same' | 'same-proof' | 'next' | 'log' | 'at-once' | 'at-once-all';

/** What the others do beside cases that only ours has. */
export const others: Partial<Record<CaseName, CaseName>> = { 'same-proof': 'same', 'at-once-all': 'at-once' };

export type Sample = {
  fixture: string;
  case: CaseName;
  way: WayName;
  round: number;
  seconds: number;
  /** Seconds of `git ls-remote`, on top. */
  question?: number;
  /** Of the runner, for this case. */
  runner?: { cpu: Cpu; peakBytes: number };
  /** Seconds of each step of ours. */
  steps?: Record<string, number>;
  /** Of log, while it came. */
  megabytesPerSecond?: number;
};
