import type { BuildEvent, Emit, EventOf } from '../model/events.js';

/** Lines of the failed step that the result repeats, and characters that each may have. */
const LINES = 50;
const LINE_LENGTH = 4096;

/** Puts the last lines of the failed step into the result. Stands behind redaction: it repeats only what the caller has seen. */
export function withFailureLog(emit: Emit<BuildEvent>): Emit<BuildEvent> {
  const tails = new Map<string, Tail>();
  return (event) => {
    if (event.type === 'step.started') tails.set(keyOf(event), new Tail());
    if (event.type === 'log') tails.get(keyOf(event))?.push(event.text);
    if (event.type === 'step.finished' && event.status === 'succeeded') tails.delete(keyOf(event));
    return emit(event.type === 'result' ? complete(event, tails) : event);
  };
}

function complete(event: EventOf<'result'>, tails: ReadonlyMap<string, Tail>): EventOf<'result'> {
  if (!event.failure) return event;
  const log = tails.get(keyOf(event.failure))?.lines ?? [];
  return { ...event, failure: { ...event.failure, log } };
}

function keyOf({ step, project }: { step?: string | undefined; project?: string | undefined }): string {
  return `${step ?? ''}\0${project ?? ''}`;
}

/** The last lines of a text that comes in pieces. */
class Tail {
  readonly lines: string[] = [];
  #open = false;

  push(text: string): void {
    const whole = text.endsWith('\n');
    // Only the end matters: a batch may hold thousands of lines.
    let start = whole ? text.length - 1 : text.length;
    for (let n = 0; n < LINES && start >= 0; n++)
      start = start === 0 ? -1 : text.lastIndexOf('\n', start - 1);
    const [first = '', ...rest] = text.slice(start + 1, whole ? -1 : undefined).split('\n');
    if (this.#open && start < 0) this.lines.push((this.lines.pop() ?? '') + first, ...rest);
    else this.lines.push(first, ...rest);
    if (this.lines.length > LINES) this.lines.splice(0, this.lines.length - LINES);
    for (const [index, line] of this.lines.entries()) {
      if (line.length > LINE_LENGTH) this.lines[index] = `…${line.slice(1 - LINE_LENGTH)}`;
    }
    this.#open = !whole;
  }
}
