import { formatBytes, formatOffset } from './format.js';
import { type LineSplitter, lineSplitter } from './lines.js';
import type { Vertex, VertexLog, VertexStatus } from './trace.js';

/** A transfer's line is repeated after this share of it or this many seconds, as BuildKit's own client does. */
const SHARE = 0.05;
const SECONDS = 5;

export type Line = { stream: 'stdout' | 'stderr'; text: string };

type Output = { lines: LineSplitter; began: number };

/** What has been printed of one step of a solve. */
export type StepLog = {
  name: string;
  /** Whether it runs now. */
  open: boolean;
  /** Lines for news of the step; a transfer that hardly moved gives none. */
  transfers(statuses: readonly VertexStatus[]): Line[];
  output(logs: readonly VertexLog[]): Line[];
  /** Takes the step's own record; the line for its end, once per end. */
  update(vertex: Vertex): Line[];
};

export function stepLog(): StepLog {
  const printed = new Map<string, { current: number; timestamp: number }>();
  const outputs = { stdout: newOutput(), stderr: newOutput() };
  let started: number | undefined;
  let lastEnd = '';

  const step: StepLog = {
    name: '',
    open: false,
    transfers: (statuses) =>
      statuses
        .filter((status) => isWorthALine(status, printed))
        .map((status) => stdout(describeTransfer(status))),
    output: (logs) => logs.flatMap((log) => outputLines(log)),
    update(vertex) {
      step.name = vertex.name;
      started = vertex.started ?? started;
      step.open = vertex.started !== undefined && vertex.completed === undefined;
      if (vertex.completed === undefined) return [];
      const end = `${vertex.completed} ${vertex.cached} ${vertex.error}`;
      if (end === lastEnd) return [];
      lastEnd = end;
      return [...leftovers(), stdout(describeEnd(vertex))];
    },
  };
  const outputLines = ({ stream, timestamp, data }: VertexLog): Line[] => {
    const name = stream === 2 ? 'stderr' : 'stdout';
    const output = outputs[name];
    const now = timestamp - (started ?? timestamp);
    const began = output.lines.partial() ? output.began : now;
    const lines = output.lines.push(data).map((text, i) => outputLine(name, i === 0 ? began : now, text));
    output.began = lines.length > 0 ? now : began;
    return lines;
  };
  const leftovers = () =>
    (['stdout', 'stderr'] as const).flatMap((name) =>
      outputs[name].lines.flush().map((text) => outputLine(name, outputs[name].began, text)),
    );
  return step;
}

function newOutput(): Output {
  return { lines: lineSplitter(), began: 0 };
}

function stdout(text: string): Line {
  return { stream: 'stdout', text };
}

function outputLine(stream: Line['stream'], offset: number, text: string): Line {
  return { stream, text: `${formatOffset(offset)} ${text}` };
}

function isWorthALine(
  { id, current, total, timestamp = 0, completed }: VertexStatus,
  printed: Map<string, { current: number; timestamp: number }>,
): boolean {
  const last = printed.get(id);
  const moved = last !== undefined && total > 0 ? (current - last.current) / total : 0;
  const worth =
    last === undefined || completed !== undefined || moved >= SHARE || timestamp - last.timestamp >= SECONDS;
  if (worth) printed.set(id, { current, timestamp });
  return worth;
}

function describeTransfer({ id, current, total, timestamp, started, completed }: VertexStatus): string {
  const bytes =
    total > 0
      ? ` ${formatBytes(current)} / ${formatBytes(total)}`
      : current > 0
        ? ` ${formatBytes(current)}`
        : '';
  const seconds = (completed ?? timestamp ?? 0) - (started ?? Infinity);
  const time = seconds > 0.01 ? ` ${seconds.toFixed(1)}s` : '';
  return `${id}${bytes}${time}${completed === undefined ? '' : ' done'}`;
}

function describeEnd({ started, completed, cached, error }: Vertex): string {
  if (error.endsWith('context canceled')) return 'CANCELED';
  if (error !== '') return `ERROR: ${error}`;
  if (cached) return 'CACHED';
  return started === undefined || completed === undefined
    ? 'DONE'
    : `DONE ${(completed - started).toFixed(1)}s`;
}
