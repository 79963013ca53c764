import type { CaseName } from './cases/sample.js';
import type { WayName } from './fixtures/fixture.js';

/** Of a ratio of two medians. */
export type Goal = {
  fixture: string;
  case: CaseName;
  /** `limit+`: with the time of one `git ls-remote`, where the case has to ask. */
  than: Exclude<WayName, 'ours'> | 'limit+';
} & ({ atMost: number } | { timesFaster: number });

type Bounds = Partial<Record<Goal['than'], number>>;

const faster = (fixture: string, name: CaseName, bounds: Bounds): Goal[] =>
  Object.entries(bounds).map(([than, bound]) => ({
    ...{ fixture, case: name, than: than as Goal['than'] },
    ...(than === 'people' ? { timesFaster: bound } : { atMost: bound }),
  }));

/** Ours against the others: at most this part of the limit's time, at least this many times faster than people's way. */
export const goals: readonly Goal[] = [
  ...faster('F1', 'cold', { 'limit+': 1.15, people: 1.5 }),
  ...faster('F1', 'same', { limit: 0.9, people: 4 }),
  ...faster('F1', 'same-proof', { 'limit+': 1, people: 1.8 }),
  ...faster('F1', 'next', { 'limit+': 1.1, people: 1.8 }),
  ...faster('F3', 'cold', { 'limit+': 1.15, people: 4 }),
  ...faster('F3', 'same', { limit: 0.9, people: 25 }),
  ...faster('F3', 'same-proof', { 'limit+': 1, people: 10 }),
  ...faster('F3', 'next', { 'limit+': 1.1, people: 6 }),
  ...faster('F2', 'cold', { 'limit+': 1, people: 3 }),
  ...faster('F2', 'same', { limit: 0.4, people: 6 }),
  ...faster('F2', 'next', { 'limit+': 0.5, people: 5 }),
  ...faster('F4', 'cold', { 'limit+': 1.1, people: 1.3, engine: 1 }),
  ...faster('F4', 'same', { limit: 0.25, people: 15, engine: 1 }),
  ...faster('F4', 'next', { 'limit+': 0.5, people: 6, engine: 1 }),
  ...['F5', 'F5-stages'].flatMap((name) => [
    ...faster(name, 'cold', { 'limit+': 1.1, people: 1 }),
    ...faster(name, 'same', { limit: 1, people: 1 }),
    ...faster(name, 'next', { 'limit+': 1, people: 1 }),
  ]),
  ...faster('F6', 'log', { 'limit+': 1.1 }),
  ...faster('F6-classic', 'log', { 'limit+': 1.1 }),
  ...faster('F1x8', 'at-once', { limit: 1.15 }),
  ...faster('F1x32', 'at-once', { limit: 1.15 }),
];

/** Of the log, to the client, at least. */
export const LOG_RATE = 40;

/** Milliseconds from authentication to the first line, at most. */
export const FIRST_LINE = 50;

/** Milliseconds of CPU for a warm F1, at most. */
export const WARM_CPU = 60;

/** Megabytes (of 2^20 bytes) that the runner may have resident while it makes so many builds at once. */
export const peakGoal = (builds: number) => (builds === 1 ? 110 : 110 + 3 * builds);
