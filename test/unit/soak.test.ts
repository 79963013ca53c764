import { expect, it } from 'vitest';
import { metrics, type Metric, type Sample } from '../soak/sample.js';
import { judge, tableOf } from '../soak/verdict.js';

const flat = Object.fromEntries(Object.keys(metrics).map((metric) => [metric, 50])) as Sample;
const growing = (metric: Metric, by: number) =>
  Array.from({ length: 40 }, (_, at): Sample => ({ ...flat, [metric]: 50 + by * at }));

it('the soak fails for what grows, and not for what breathes', () => {
  const grown = (samples: Sample[]) => judge(samples).flatMap(({ metric, grows }) => (grows ? [metric] : []));
  expect(grown(growing('rss', 0))).toEqual([]);
  expect(grown(growing('rss', 0.2))).toEqual([]);
  expect(grown(growing('rss', 2))).toEqual(['rss']);
  expect(grown(growing('descriptors', 0.75))).toEqual(['descriptors']);
  expect(grown(growing('containers', 0.1))).toEqual(['containers']);
  expect(tableOf(judge(growing('descriptors', 1)))).toContain(
    '| its file descriptors | 65 | 85 | 75 | **grows** |',
  );
});
