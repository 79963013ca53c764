import type { StepEvent } from '../../model/events.js';
import { type Line, type StepLog, stepLog } from './step-log.js';
import type { SolveStatus, Vertex, VertexLog, VertexStatus } from './trace.js';

type News = { vertexes: Vertex[]; statuses: VertexStatus[]; logs: VertexLog[] };

/** BuildKit's executor says so in the step's own output, as a line of its own (util/progress/logs). */
const CLIPPED = /^[\d.]+ \[output clipped, log (?:limit|speed) .*reached\]$/;
const CLIPPED_WARNING =
  "the engine's BuildKit cut a step's log; to lift its limit set BUILDKIT_STEP_LOG_MAX_SIZE in the engine's environment, " +
  'or use the classic builder (BUILDBOT_BUILDKIT=no on the runner)';

/**
 * Prints a solve's reports as `docker buildx build --progress=plain` does (moby/buildkit, util/progress/progressui), but output
 * at once: BuildKit's client holds that of parallel steps back for seconds to keep them apart. One event for adjacent lines.
 */
export function plainProgress(): (status: SolveStatus) => StepEvent[] {
  const steps = new Map<string, StepLog>();
  const numbers = new Map<StepLog, number>();
  let current: StepLog | undefined;
  let clipped = false;

  const show = (step: StepLog, lines: readonly Line[]): Line[] => {
    const heading = step === current ? [] : switchTo(step);
    const number = numbers.get(step);
    return [...heading, ...lines.map(({ stream, text }) => ({ stream, text: `#${number} ${text}` }))];
  };
  const switchTo = (step: StepLog): Line[] => {
    const left = current === undefined ? [] : [`#${numbers.get(current)} ...`];
    const gap = numbers.size === 0 ? [] : [''];
    if (!numbers.has(step)) numbers.set(step, numbers.size + 1);
    current = step;
    return [...left, ...gap, `#${numbers.get(step)} ${step.name}`].map((text) => ({
      stream: 'stdout',
      text,
    }));
  };
  const report = (step: StepLog, { vertexes, statuses, logs }: News): Line[] => {
    const end = vertexes.flatMap((vertex) => step.update(vertex));
    const output = step.output(logs);
    clipped ||= output.some(({ text }) => CLIPPED.test(text));
    const lines = [...step.transfers(statuses), ...output, ...end];
    if (lines.length === 0) return [];
    const shown = show(step, lines);
    if (!step.open) current = undefined;
    return shown;
  };

  return (status) => {
    const clippedBefore = clipped;
    const news = collectNews(status);
    for (const digest of news.keys()) if (!steps.has(digest)) steps.set(digest, stepLog());
    const lines = inPrintingOrder(news, (digest) => steps.get(digest) === current).flatMap(([digest, of]) =>
      report(steps.get(digest)!, of),
    );
    const open = current ?? [...steps.values()].find((step) => step.open);
    if (open !== undefined && open !== current) lines.push(...show(open, []));
    const warnings = status.warnings.map(({ text }) => text);
    if (clipped && !clippedBefore) warnings.push(CLIPPED_WARNING);
    return [...joinLines(lines), ...warnings.map((message) => ({ type: 'warning' as const, message }))];
  };
}

function collectNews({ vertexes, statuses, logs }: SolveStatus): Map<string, News> {
  const news = new Map<string, News>();
  const of = (digest: string) => {
    const known = news.get(digest) ?? { vertexes: [], statuses: [], logs: [] };
    news.set(digest, known);
    return known;
  };
  for (const vertex of vertexes) of(vertex.digest).vertexes.push(vertex);
  for (const status of statuses) of(status.vertex).statuses.push(status);
  for (const log of logs) of(log.vertex).logs.push(log);
  return news;
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

function joinLines(lines: readonly Line[]): StepEvent[] {
  const events: { type: 'log'; stream: Line['stream']; text: string }[] = [];
  for (const { stream, text } of lines) {
    const last = events.at(-1);
    if (last?.stream === stream) last.text += `${text}\n`;
    else events.push({ type: 'log', stream, text: `${text}\n` });
  }
  return events;
}
