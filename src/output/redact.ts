import type { BuildEvent, Emit, EventOf } from '../model/events.js';
import { secretForms } from './secret-forms.js';

const MASK = '***';

/**
 * Replaces every form of every secret in events, before any renderer sees them. Log text is redacted as a stream of its step and
 * project: where a line is cut (a very long one), what could be the beginning of a secret waits for the next piece.
 */
export function redactEvents(secrets: Iterable<string>, emit: Emit<BuildEvent>): Emit<BuildEvent> {
  const forms = secretForms(secrets);
  if (forms.length === 0) return emit;
  const pattern = new RegExp(forms.map(({ source }) => source).join('|'), 'g');
  const longest = Math.max(...forms.map(({ length }) => length));
  const streams = new LogStreams(pattern, longest);
  return (event) => {
    if (event.type === 'log') return forward(emit, streams.push(event));
    const held = event.type === 'step.finished' || event.type === 'result' ? streams.flush() : [];
    return forward(emit, [...held, redactStrings(event, (text) => text.replace(pattern, MASK))]);
  };
}

/** One text, whole. For what is said before there are events. */
export function redactText(secrets: Iterable<string>, text: string): string {
  const forms = secretForms(secrets);
  if (forms.length === 0) return text;
  return text.replace(new RegExp(forms.map(({ source }) => source).join('|'), 'g'), MASK);
}

async function forwardAll(emit: Emit<BuildEvent>, events: readonly BuildEvent[]): Promise<void> {
  for (const event of events) await emit(event);
}

function forward(emit: Emit<BuildEvent>, events: readonly BuildEvent[]): void | Promise<void> {
  return events.length === 1 ? emit(events[0]!) : forwardAll(emit, events);
}

/** Log text by stream, with the tail that may go on to be a secret. */
class LogStreams {
  readonly #tails = new Map<string, EventOf<'log'>>();

  constructor(
    readonly pattern: RegExp,
    readonly longest: number,
  ) {}

  push(event: EventOf<'log'>): EventOf<'log'>[] {
    const key = `${event.step}\0${event.project ?? ''}\0${event.stream}`;
    const text = (this.#tails.get(key)?.text ?? '') + event.text;
    this.#tails.delete(key);
    if (text.endsWith('\n')) return [{ ...event, text: text.replace(this.pattern, MASK) }];
    const cut = this.#safeCut(text);
    this.#tails.set(key, { ...event, text: text.slice(cut) });
    return cut === 0 ? [] : [{ ...event, text: text.slice(0, cut).replace(this.pattern, MASK) }];
  }

  flush(): EventOf<'log'>[] {
    const events = [...this.#tails.values()].map((event) => ({
      ...event,
      text: event.text.replace(this.pattern, MASK),
    }));
    this.#tails.clear();
    return events;
  }

  // Up to here no secret can begin that is not whole; and none is cut in two.
  #safeCut(text: string): number {
    const lineStart = text.lastIndexOf('\n') + 1;
    let cut = Math.max(lineStart, text.length - this.longest + 1);
    for (const match of text.slice(lineStart).matchAll(this.pattern)) {
      const [start, end] = [lineStart + match.index, lineStart + match.index + match[0].length];
      if (start < cut && end > cut) cut = end;
    }
    return cut;
  }
}

function redactStrings<T>(value: T, redact: (text: string) => string): T {
  if (typeof value === 'string') return redact(value) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => redactStrings(item, redact)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, redactStrings(item, redact)]),
  ) as T;
}
