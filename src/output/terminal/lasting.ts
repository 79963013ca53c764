import type { EventOf } from '../../model/events.js';
import { formatDuration } from '../../model/quantity.js';
import { failureLine } from '../human.js';
import { printable, printableLines } from './printable.js';
import type { RunningStep } from './steps.js';
import type { Colour, Style } from './style.js';

/** Lines of its log that a step leaves behind, unless it succeeded. */
const kept = { failed: 100, interrupted: 20, cancelled: 10, succeeded: 0 };
const colours: Record<EventOf<'step.finished'>['status'], Colour> = {
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
};

/** What stays of a step: a line, and the end of its log where it went wrong. Of the queue nothing, unless it was one. */
export function finishedText(step: RunningStep, event: EventOf<'step.finished'>, style: Style): string {
  const { status, seconds, cached } = event;
  if (event.step === 'queue' && status === 'succeeded' && step.note === '') return '';
  const how = [formatDuration(seconds * 1000), cached ? 'cached' : '', status === 'cancelled' ? status : ''];
  const mark = style.colour(colours[status], style.marks[status]);
  const line = `${mark} ${step.name}  ${style.colour('grey', how.filter(Boolean).join('  '))}\n`;
  return line + logText(step, kept[status], style);
}

/** What is left to read of a step that runs on while the terminal is somebody else's. */
export function interruptedText(step: RunningStep, now: number, style: Style): string {
  const time = formatDuration(Math.max(0, now - step.started));
  return `== ${step.name}  ${style.colour('grey', time)}\n${logText(step, kept.interrupted, style)}`;
}

export function warningText(message: string, style: Style): string {
  return lines(printableLines(`warning: ${message}`), (line) => style.colour('yellow', line));
}

/** The last words: what was pushed, or what went wrong. */
export function verdictText({ images, failure }: EventOf<'result'>, style: Style): string {
  const pushed = images
    .flatMap(({ refs }) => refs)
    .flatMap(({ ref, pushed, digest }) => (pushed && digest ? [`pushed ${ref} ${digest}`] : []));
  const failed = failure ? printableLines(failureLine(failure)) : [];
  return lines(pushed.map(printable)) + lines(failed, (line) => style.colour('red', line));
}

function logText({ log }: RunningStep, most: number, style: Style): string {
  if (most === 0) return '';
  const shown = log.lines.slice(-most);
  const missing = log.total - shown.length;
  const notice = `(${missing} ${missing === 1 ? 'line' : 'lines'} before; --progress plain shows all)`;
  return (missing > 0 ? `${style.colour('grey', notice)}\n` : '') + lines(shown.map(printable));
}

function lines(texts: readonly string[], show = (line: string) => line): string {
  return texts.map((text) => `${show(text)}\n`).join('');
}
