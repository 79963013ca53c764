import { FIRST_LINE, goals, LOG_RATE, peakGoal, WARM_CPU, type Goal } from '../goals.js';
import { others } from '../cases/sample.js';
import type { Tiny } from '../cases/tiny.js';
import { findRow, median, rowsOf, secondsOf, type Results, type Row } from './results.js';

/** A goal beside what was measured. */
export type Verdict = { case: string; goal: string; measured: string; reached: boolean };

/** Of all goals that something was measured for. */
export function verdictsOf({ samples, tiny }: Results): Verdict[] {
  const rows = rowsOf(samples);
  return [
    ...goals.flatMap((goal) => judgeRatio(rows, goal)),
    ...rows.flatMap(judgeRate),
    ...(tiny ? judgeTiny(tiny) : []),
    ...rows.flatMap(judgePeak),
  ];
}

function judgeRatio(rows: readonly Row[], goal: Goal): Verdict[] {
  const mine = findRow(rows, goal.fixture, goal.case);
  const theirs = findRow(rows, goal.fixture, others[goal.case] ?? goal.case);
  const ours = mine && secondsOf(mine, 'ours');
  const other = theirs && secondsOf(theirs, goal.than);
  if (ours === undefined || other === undefined) return [];
  const name = `${goal.fixture} ${goal.case}, against ${goal.than}`;
  if ('atMost' in goal) {
    const ratio = ours / other;
    return [
      { case: name, goal: `≤ ${goal.atMost}`, measured: ratio.toFixed(2), reached: ratio <= goal.atMost },
    ];
  }
  const times = other / ours;
  const reached = times >= goal.timesFaster;
  return [{ case: name, goal: `≥ ${goal.timesFaster} times faster`, measured: times.toFixed(1), reached }];
}

function judgeRate({ fixture, samples }: Row): Verdict[] {
  const rates = samples
    .filter(({ way }) => way === 'ours')
    .flatMap((sample) => sample.megabytesPerSecond ?? []);
  const rate = median(rates);
  if (rate === undefined) return [];
  return [
    {
      ...{ case: `${fixture}: log to the client`, goal: `≥ ${LOG_RATE} MB/s` },
      ...{ measured: `${rate.toFixed(0)} MB/s`, reached: rate >= LOG_RATE },
    },
  ];
}

function judgeTiny({ firstLine, cpu }: Tiny): Verdict[] {
  const atMost = (name: string, goal: number, measured: number): Verdict => ({
    case: name,
    goal: `≤ ${goal} ms`,
    measured: `${measured.toFixed(0)} ms`,
    reached: measured <= goal,
  });
  return [
    atMost('first log line after authentication', FIRST_LINE, median(firstLine)!),
    atMost("CPU of a warm F1, the runner's process", WARM_CPU, cpu.own * 1000),
    atMost('CPU of a warm F1, with its children', WARM_CPU, (cpu.own + cpu.children) * 1000),
  ];
}

function judgePeak({ fixture, case: name, samples }: Row): Verdict[] {
  const peaks = samples.flatMap(({ runner }) => runner?.peakBytes ?? []);
  if (peaks.length === 0) return [];
  const peak = Math.max(...peaks) / 2 ** 20;
  const goal = peakGoal(Number(/x(\d+)$/.exec(fixture)?.[1] ?? 1));
  return [
    {
      ...{ case: `peak memory, ${fixture} ${name}`, goal: `≤ ${goal} MB` },
      ...{ measured: `${peak.toFixed(0)} MB`, reached: peak <= goal },
    },
  ];
}
