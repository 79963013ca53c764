import { formatBytes, formatOffset } from './format.js';
import { type LineSplitter, lineSplitter, type Piece } from './lines.js';
import type { Vertex, VertexLog, VertexStatus } from './trace.js';

/** A transfer's line is repeated after this share of it or this many seconds, as BuildKit's own client does. */
const SHARE = 0.05;
const SECONDS = 5;

export type Line = Piece & { stream: 'stdout' | 'stderr' };

type Output = { lines: LineSplitter; began: number };

/** What has been printed of one step of a solve. */
export type StepLog = {
  name: string;
  /** Whether it runs now. */
  open: boolean;
  /** Takes the step's own record. */
  update(vertex: Vertex): void;
  /** Lines for news of the step; a transfer that hardly moved gives none, nor one that would cut a line. */
  transfers(statuses: readonly VertexStatus[]): Line[];
  output(logs: readonly VertexLog[]): Line[];
  /** Lines for the ends of the step that have no line yet, and before them what is left of its output. */
  ends(): Line[];
  /** Whether a piece of a line was passed on, and its end was not: until then nothing else may be printed. */
  amidLine(): boolean;
  /** Ends lines that have begun; what comes of them after that is a line of its own. */
  endLines(): Line[];
};

export function stepLog(): StepLog {
  const printed = new Map<string, { current: number; timestamp: number }>();
  const outputs = { stdout: newOutput(), stderr: newOutput() };
  let started: number | undefined;
  let lastEnd = '';
  let ends: Line[] = [];

  const step: StepLog = {
    name: '',
    open: false,
    transfers: (statuses) =>
      (step.amidLine() ? [] : statuses)
        .filter((status) => isWorthALine(status, printed))
        .map((status) => stdout(describeTransfer(status))),
    output: (logs) => logs.flatMap((log) => outputLines(log)),
    update(vertex) {
      step.name = vertex.name;
      started = vertex.started ?? started;
      step.open = vertex.started !== undefined && vertex.completed === undefined;
      if (vertex.completed === undefined) return;
      const end = `${vertex.completed} ${vertex.cached} ${vertex.error}`;
      if (end !== lastEnd) ends.push(stdout(describeEnd(vertex)));
      lastEnd = end;
    },
    ends() {
      const lines = step.open ? ends : [...step.endLines(), ...ends];
      ends = [];
      return lines;
    },
    amidLine: () => outputs.stdout.lines.open() || outputs.stderr.lines.open(),
    endLines: () =>
      (['stdout', 'stderr'] as const).flatMap((name) =>
        outputs[name].lines.flush().map((piece) => outputLine(name, outputs[name].began, piece)),
      ),
  };
  const outputLines = ({ stream, timestamp, data }: VertexLog): Line[] => {
    const name = stream === 2 ? 'stderr' : 'stdout';
    const output = outputs[name];
    const now = timestamp - (started ?? timestamp);
    const began = output.lines.partial() ? output.began : now;
    const lines = output.lines.push(data).map((piece, i) => outputLine(name, i === 0 ? began : now, piece));
    output.began = lines.length > 0 ? now : began;
    return lines;
  };
  return step;
}

function newOutput(): Output {
  return { lines: lineSplitter(), began: 0 };
}

function stdout(text: string): Line {
  return { stream: 'stdout', text, begins: true, ends: true };
}

function outputLine(stream: Line['stream'], offset: number, piece: Piece): Line {
  return { ...piece, stream, text: piece.begins ? `${formatOffset(offset)} ${piece.text}` : piece.text };
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
