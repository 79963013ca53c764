import { type Metric, metrics, type Sample } from './sample.js';

export type Row = { metric: Metric; second: number; last: number; limit: number; grows: boolean };

/** Growth that is noise for what breathes, such as memory: a tenth. */
const BREATH = 0.1;

/** Compares the medians of the second and of the last quarter: what the first quarter brought is warming up. */
export function judge(samples: readonly Sample[]): Row[] {
  const quarter = Math.floor(samples.length / 4);
  return (Object.keys(metrics) as Metric[]).map((metric) => {
    const values = samples.map((sample) => sample[metric]);
    const second = median(values.slice(quarter, 2 * quarter));
    const last = median(values.slice(-quarter));
    const breathes = metric === 'rss' || metric === 'heap';
    const limit = second + Math.max(metrics[metric].slack, breathes ? second * BREATH : 0);
    return { metric, second, last, limit, grows: last > limit };
  });
}

export function tableOf(rows: readonly Row[]): string {
  const shown = (value: number, metric: Metric) =>
    `${Number(value.toFixed(1))} ${metrics[metric].unit}`.trimEnd();
  return [
    '| What | Second quarter | Last quarter | At most | |',
    '| --- | ---: | ---: | ---: | --- |',
    ...rows.map(({ metric, second, last, limit, grows }) => {
      const cells = [metrics[metric].name, ...[second, last, limit].map((value) => shown(value, metric))];
      return `| ${[...cells, grows ? '**grows**' : 'flat'].join(' | ')} |`;
    }),
  ].join('\n');
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
