import { formatDuration, formatSize } from '../../model/quantity.js';
import { printable } from './printable.js';
import { transfersOf, type RunningStep, type Transfer } from './steps.js';
import type { Style } from './style.js';
import { fit } from './width.js';

/** Lines below a step's own: its transfers, and the end of its log. */
const most = { transfers: 4, log: 6 };
const BAR = 20;
/** Columns from which there is room for a bar. */
const ROOM_FOR_BAR = 60;
/** Milliseconds for each picture of the spinner. */
const TURN = 100;

export type Canvas = { columns: number; rows: number; now: number; style: Style };

/** The steps that run, as lines that fit into the terminal and leave one row free; at least one line if anything runs. */
export function drawFrame(running: readonly RunningStep[], canvas: Canvas): string[] {
  const height = Math.max(1, canvas.rows - 1);
  const shown = running.length <= height ? running : running.slice(0, height - 1);
  const room = shown.length === 0 ? 0 : Math.floor(height / shown.length) - 1;
  const lines = shown.flatMap((step) => [stepLine(step, canvas), ...details(step, room, canvas)]);
  const hidden = running.length - shown.length;
  return hidden === 0 ? lines : [...lines, fit(`${hidden} more steps`, canvas.columns)];
}

function stepLine({ name, started, note }: RunningStep, { columns, now, style }: Canvas): string {
  const turn = Math.floor(now / TURN) % style.spinner.length;
  const time = formatDuration(Math.max(0, now - started));
  const title = fit(`${name}${note && `  ${note}`}`, columns - time.length - 4);
  if (title === '') return fit(`${style.spinner[turn]} ${name}`, columns);
  return `${style.colour('cyan', style.spinner[turn]!)} ${title}  ${style.colour('grey', time)}`;
}

function details(step: RunningStep, room: number, canvas: Canvas): string[] {
  const transfers = transfersOf(step, canvas.now)
    .slice(0, Math.min(room, most.transfers))
    .map((transfer) => transferLine(transfer, canvas));
  const left = Math.min(room - transfers.length, most.log);
  return [...transfers, ...lastLines(step.log.lines, left, canvas)];
}

function transferLine({ what, current, total }: Transfer, { columns, style }: Canvas): string {
  const size = total > 0 ? `${formatSize(current)} / ${formatSize(total)}` : formatSize(current);
  const done = Math.floor((BAR * current) / total);
  const bar =
    total > 0 && columns >= ROOM_FOR_BAR
      ? `  ${style.bar.done.repeat(done)}${style.bar.left.repeat(BAR - done)}`
      : '';
  return fit(`  ${fit(printable(what), columns - size.length - 4)}  ${size}${bar}`, columns);
}

function lastLines(log: readonly string[], count: number, { columns, style }: Canvas): string[] {
  const lines: string[] = [];
  for (let at = log.length - 1; at >= 0 && lines.length < count; at--) {
    const line = fit(`  ${printable(log[at]!)}`, columns);
    if (line.trim() !== '') lines.unshift(style.colour('grey', line));
  }
  return lines;
}
