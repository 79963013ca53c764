import type { StepEvent } from '../../model/events.js';
import { type Line, type StepLog, stepLog } from './step-log.js';
import type { SolveStatus, Vertex, VertexLog, VertexStatus } from './trace.js';

/** What is printed, line ends included. */
type Text = { stream: Line['stream']; text: string };
/** Of one step; `bytes` are those of its logs. */
type News = { vertexes: Vertex[]; statuses: VertexStatus[]; logs: VertexLog[]; bytes: number };

/** BuildKit's executor says so in the step's own output, as a line of its own (util/progress/logs). */
const CLIPPED = /^[\d.]+ \[output clipped, log (?:limit|speed) .*reached\]$/;
const CLIPPED_WARNING =
  "the engine's BuildKit cut a step's log; to lift its limit set BUILDKIT_STEP_LOG_MAX_SIZE in the engine's environment, " +
  'or use the classic builder (BUILDBOT_BUILDKIT=no on the runner)';

/** Bytes of output that wait while another step is amid a line; more than that, and the line is cut. */
const MOST_WAITING = 1024 * 1024;

type PlainProgress = {
  read(status: SolveStatus): StepEvent[];
  /** What is left when no more reports will come. */
  flush(): StepEvent[];
};

/**
 * Prints a solve's reports as `docker buildx build --progress=plain` does (moby/buildkit, util/progress/progressui), but output
 * at once: BuildKit's client holds that of parallel steps back for seconds to keep them apart. One event for adjacent lines. A
 * long line comes in pieces, whose texts are the line: other steps wait until it ends, so that nobody finds a secret cut in two.
 */
export function plainProgress(): PlainProgress {
  const steps = new Map<string, StepLog>();
  const numbers = new Map<StepLog, number>();
  /** What is not printed yet, by step. */
  const news = new Map<string, News>();
  let current: StepLog | undefined;
  let clipped = false;

  const show = (step: StepLog, lines: readonly Line[]): Text[] => {
    const heading = step === current ? [] : switchTo(step);
    const prefix = `#${numbers.get(step)} `;
    return [
      ...heading,
      ...lines.map(({ stream, text, begins, ends }) => ({
        stream,
        text: `${begins ? prefix : ''}${text}${ends ? '\n' : ''}`,
      })),
    ];
  };
  const switchTo = (step: StepLog): Text[] => {
    const left = current === undefined ? '' : `#${numbers.get(current)} ...\n`;
    const gap = numbers.size === 0 ? '' : '\n';
    if (!numbers.has(step)) numbers.set(step, numbers.size + 1);
    current = step;
    return [{ stream: 'stdout', text: `${left}${gap}#${numbers.get(step)} ${step.name}\n` }];
  };
  const report = (step: StepLog, { vertexes, statuses, logs }: News): Text[] => {
    for (const vertex of vertexes) step.update(vertex);
    const transfers = step.transfers(statuses);
    const output = step.output(logs);
    clipped ||= output.some(({ text }) => CLIPPED.test(text));
    const lines = [...transfers, ...output, ...step.ends()];
    if (lines.length === 0) return [];
    const shown = show(step, lines);
    if (!step.open) current = undefined;
    return shown;
  };
  const print = (mostWaiting: number): Text[] => {
    let lines: Text[] = [];
    for (const [digest, of] of inPrintingOrder(news, (digest) => steps.get(digest) === current)) {
      const step = steps.get(digest)!;
      if (current !== undefined && current !== step && current.amidLine()) {
        if (waitingBytes(news) <= mostWaiting) break;
        lines = lines.concat(show(current, current.endLines()));
      }
      news.delete(digest);
      lines = lines.concat(report(step, of));
    }
    return lines;
  };

  return {
    read(status) {
      const clippedBefore = clipped;
      addNews(news, status);
      for (const digest of news.keys()) if (!steps.has(digest)) steps.set(digest, stepLog());
      const lines = print(MOST_WAITING);
      const open = current ?? [...steps.values()].find((step) => step.open);
      if (open !== undefined && open !== current) lines.push(...show(open, []));
      const warnings = status.warnings.map(({ text }) => text);
      if (clipped && !clippedBefore) warnings.push(CLIPPED_WARNING);
      return [...joinTexts(lines), ...warnings.map((message) => ({ type: 'warning' as const, message }))];
    },
    flush() {
      const lines = print(-1);
      // The one that is amid a line first.
      for (const step of [...(current ? [current] : []), ...steps.values()]) {
        const left = step.endLines();
        if (left.length > 0) lines.push(...show(step, left));
      }
      return joinTexts(lines);
    },
  };
}

function addNews(news: Map<string, News>, { vertexes, statuses, logs }: SolveStatus): void {
  const of = (digest: string) => {
    const known = news.get(digest) ?? { vertexes: [], statuses: [], logs: [], bytes: 0 };
    news.set(digest, known);
    return known;
  };
  for (const vertex of vertexes) of(vertex.digest).vertexes.push(vertex);
  for (const status of statuses) of(status.vertex).statuses.push(status);
  for (const log of logs) {
    const known = of(log.vertex);
    known.logs.push(log);
    known.bytes += log.data.length;
  }
}

function waitingBytes(news: ReadonlyMap<string, News>): number {
  return [...news.values()].reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The step that is on show, then those that ended, in that order, then the others: the fewest changes between steps. */
function inPrintingOrder(
  news: ReadonlyMap<string, News>,
  isCurrent: (digest: string) => boolean,
): [string, News][] {
  const rank = ([digest, { vertexes }]: [string, News]) =>
    isCurrent(digest) ? -Infinity : (vertexes.at(-1)?.completed ?? Infinity);
  return [...news].sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
}

function joinTexts(texts: readonly Text[]): StepEvent[] {
  const events: ({ type: 'log' } & Text)[] = [];
  for (const { stream, text } of texts) {
    const last = events.at(-1);
    if (last?.stream === stream) last.text += text;
    else events.push({ type: 'log', stream, text });
  }
  return events;
}
