import type { CaseName, Sample } from '../cases/sample.js';
import type { Tiny } from '../cases/tiny.js';
import type { Machine } from '../machine.js';

export type Results = {
  machine: Machine;
  /** That the whole took. */
  seconds: number;
  samples: readonly Sample[];
  tiny?: Tiny;
};

export type Column = Sample['way'] | 'limit+';

/** Samples of one case. */
export type Row = { fixture: string; case: CaseName; samples: readonly Sample[] };

/** In the order in which they were first measured. */
export function rowsOf(samples: readonly Sample[]): Row[] {
  const rows = groupBy(samples, (sample) => `${sample.fixture} ${sample.case}`);
  return rows.map(([, samples]) => ({ fixture: samples[0]!.fixture, case: samples[0]!.case, samples }));
}

/** In the order of each group's first. */
export function groupBy<T, K>(values: readonly T[], keyOf: (value: T) => K): [K, T[]][] {
  const groups = new Map<K, T[]>();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return [...groups];
}

export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)];
  return sorted.length === 0 ? undefined : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Median seconds of a way, or nothing where it was not measured. `limit+`: with the question to the git server. */
export function secondsOf({ samples }: Row, column: Column): number | undefined {
  const asks = column === 'limit+';
  const taken = asks
    ? samples.filter(({ question }) => question !== undefined)
    : samples.filter(({ way }) => way === column);
  return median(taken.map(({ seconds, question }) => seconds + (asks ? (question ?? 0) : 0)));
}

export function findRow(rows: readonly Row[], fixture: string, name: CaseName): Row | undefined {
  return rows.find((row) => row.fixture === fixture && row.case === name);
}
