import { others } from '../cases/sample.js';
import { fixtures } from '../fixtures/index.js';
import {
  findRow,
  groupBy,
  median,
  rowsOf,
  secondsOf,
  type Column,
  type Results,
  type Row,
} from './results.js';
import { verdictsOf } from './verdicts.js';

const columns: readonly Column[] = ['ours', 'limit', 'limit+', 'kept', 'people', 'remote', 'engine'];

/** RESULTS.md. */
export function report(results: Results): string {
  const rows = rowsOf(results.samples);
  const verdicts = verdictsOf(results);
  const missed = verdicts.filter(({ reached }) => !reached);
  const { machine, seconds } = results;
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  return `# Results of the benchmark

Made by \`npm run bench\` in ${Math.round(seconds / 60)} minutes; [README.md](README.md) says what is measured and how. ${machine.cores} cores
(${machine.processor}), ${machine.memoryGB} GB of memory; ${versions.join(', ')}.

${verdicts.length - missed.length} of ${verdicts.length} goals reached.

## Goals

${table(
  ['Case', 'Goal', 'Measured', ''],
  verdicts.map((v) => [v.case, v.goal, v.measured, v.reached ? 'reached' : '**missed**']),
)}
## Seconds

Medians; \`Taken\`: how often ours was. \`limit+\` has one \`git ls-remote\` more; in brackets: how many times as long as ours.

${table(
  ['Case', 'Taken', ...columns],
  rows.map((row) => [nameOf(row), ...cellsOf(row, rows)]),
)}
## The runner

Medians of CPU seconds (its process, and the children that it waited for), the highest peak of resident memory (its process), medians of the
seconds of its steps.

${table(['Case', 'CPU', 'CPU of children', 'Peak memory', 'Steps'], rows.flatMap(runnerCells))}
${logsOf(rows)}## Fixtures

${table(
  ['Name', ''],
  fixtures.map(({ name, title }) => [name, title]),
)}`;
}

const nameOf = (row: Row) => `${row.fixture} ${row.case}`;

function cellsOf(row: Row, rows: readonly Row[]): string[] {
  const ours = secondsOf(row, 'ours');
  const theirs = findRow(rows, row.fixture, others[row.case] ?? row.case) ?? row;
  const count = row.samples.filter(({ way }) => way === 'ours').length;
  return [
    `${count}`,
    ...columns.map((column) => {
      const seconds = secondsOf(column === 'ours' ? row : theirs, column);
      if (seconds === undefined) return '';
      const times = ours === undefined || column === 'ours' ? '' : ` (${(seconds / ours).toFixed(2)})`;
      return `${seconds.toFixed(seconds < 10 ? 3 : 1)}${times}`;
    }),
  ];
}

function runnerCells(row: Row): string[][] {
  const seen = row.samples.flatMap(({ runner }) => runner ?? []);
  if (seen.length === 0) return [];
  const own = median(seen.map(({ cpu }) => cpu.own))!;
  const children = median(seen.map(({ cpu }) => cpu.children))!;
  const peak = Math.max(...seen.map(({ peakBytes }) => peakBytes)) / 2 ** 20;
  return [
    [nameOf(row), `${own.toFixed(2)} s`, `${children.toFixed(2)} s`, `${peak.toFixed(0)} MB`, stepsOf(row)],
  ];
}

function stepsOf({ samples }: Row): string {
  const steps = samples.flatMap(({ steps = {} }) => Object.entries(steps));
  return groupBy(steps, ([name]) => name)
    .map(([name, taken]) => `${name} ${median(taken.map(([, seconds]) => seconds))!.toFixed(3)}`)
    .join(', ');
}

function logsOf(rows: readonly Row[]): string {
  const logs = rows.filter((row) => row.case === 'log');
  if (logs.length === 0) return '';
  const lines = logs.flatMap(({ fixture, samples }) =>
    groupBy(samples, ({ way }) => way).map(([way, taken]) => [
      ...[fixture, way, `${median(taken.flatMap((sample) => sample.megabytesPerSecond ?? []))?.toFixed(0)}`],
    ]),
  );
  return `## Log\n\nMedian MB/s from its first byte to its last, complete and in order each time.\n\n${table(['Case', 'Way', 'MB/s'], lines)}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}
