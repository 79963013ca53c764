import type { BuildEvent, Emit, EventOf } from '../model/events.js';
import { LONGEST, secretForms, type SecretForms } from './secret-forms.js';
import { mergeSpans, type Span } from './text-search.js';

const MASK = '***';

/** Replaces every form of every secret in what the caller and the operator get to see. */
export type Redactor = {
  /** One text, whole. */
  text: (text: string) => string;
  /**
   * In what events say, before any renderer sees them. Log text is redacted as a stream of its step and project: where a line is cut (a
   * very long one), what could be the beginning of a secret waits for the next piece.
   */
  events: (emit: Emit<BuildEvent>) => Emit<BuildEvent>;
};

/** What a secret looks like is found out once: a key of some kilobytes has hundreds of forms. */
export function createRedactor(secrets: Iterable<string>): Redactor {
  const forms = secretForms(secrets);
  if (!forms) return { text: (text) => text, events: (emit) => emit };
  return { text: (text) => mask(text, forms), events: (emit) => redactEvents(forms, emit) };
}

function redactEvents(forms: SecretForms, emit: Emit<BuildEvent>): Emit<BuildEvent> {
  const streams = new LogStreams(forms);
  return (event) => {
    if (event.type === 'log') return forward(emit, streams.push(event));
    const held = event.type === 'step.finished' || event.type === 'result' ? streams.flush(event) : [];
    return forward(emit, [...held, redactStrings(event, (text) => mask(text, forms))]);
  };
}

function mask(text: string, forms: SecretForms): string {
  return maskPart(text, forms, { ...findSecrets(text, forms), from: 0, to: text.length });
}

/** The part of a text from one character to before another, with the `spans` of the text (none of which crosses `to`) replaced. */
function maskPart(
  text: string,
  forms: SecretForms,
  { spans, isSuspect, from, to }: Finds & { from: number; to: number },
): string {
  let [masked, done] = ['', from];
  for (const { start, end } of spans) {
    if (end <= done || start >= to) continue;
    // What begins before `from` has its mask already.
    masked += start < from ? '' : text.slice(done, start) + MASK;
    done = end;
  }
  masked += text.slice(done, to);
  return isSuspect ? maskBase64(masked, forms) : masked;
}

/** `isSuspect`: there is more to find than short words. A mask makes no base64 of what was none. */
type Finds = { spans: readonly Span[]; isSuspect: boolean };

function findSecrets(text: string, { text: texts, word, suspects }: SecretForms): Finds {
  const isSuspect = suspects(text);
  return { isSuspect, spans: isSuspect ? mergeSpans(texts(text), word(text)) : word(text) };
}

/** Replaces each run of base64 that holds one of the pieces. */
function maskBase64(text: string, { base64 }: SecretForms): string {
  let [masked, done] = ['', 0];
  for (const piece of base64(text)) {
    if (piece.start < done) continue;
    let end = piece.end;
    while (end < text.length && isBase64(text.charCodeAt(end))) end++;
    masked += text.slice(done, runStart(text, piece.start, done)) + MASK;
    done = end;
  }
  return masked + text.slice(done);
}

function runStart(text: string, from: number, least: number): number {
  let start = from;
  while (start > least && isBase64(text.charCodeAt(start - 1))) start--;
  return start;
}

// A-Z a-z 0-9 + / - _ =
function isBase64(code: number): boolean {
  if (code >= 0x61) return code <= 0x7a;
  if (code >= 0x41) return code <= 0x5a || code === 0x5f;
  return code >= 0x2f ? code <= 0x39 || code === 0x3d : code === 0x2b || code === 0x2d;
}

async function forwardAll(emit: Emit<BuildEvent>, events: readonly BuildEvent[]): Promise<void> {
  for (const event of events) await emit(event);
}

function forward(emit: Emit<BuildEvent>, events: readonly BuildEvent[]): void | Promise<void> {
  return events.length === 1 ? emit(events[0]!) : forwardAll(emit, events);
}

/** The longest run of base64 that waits for its end. */
const LONGEST_RUN = 4096;

/** The end of a stream's text, which may go on to be a secret; its first `said` characters have been passed on. */
type Tail = { event: EventOf<'log'>; said: number };

/** Log text by stream. */
class LogStreams {
  readonly #tails = new Map<string, Tail>();

  constructor(readonly forms: SecretForms) {}

  push(event: EventOf<'log'>): EventOf<'log'>[] {
    const key = `${stepKey(event)}${event.stream}`;
    const tail = this.#tails.get(key);
    const text = (tail?.event.text ?? '') + event.text;
    const from = tail?.said ?? 0;
    const { spans, isSuspect } = findSecrets(text, this.forms);
    this.#tails.delete(key);
    let to = text.length;
    if (!text.endsWith('\n')) {
      const kept = keepFrom(text);
      // No secret is cut in two; one that goes on has its mask, and what follows in it is still recognized.
      to = spans.find(({ start, end }) => start < kept && end > kept)?.end ?? kept;
      to = Math.max(to, from);
      this.#tails.set(key, { event: { ...event, text: text.slice(kept) }, said: to - kept });
    }
    return to === from
      ? []
      : [{ ...event, text: maskPart(text, this.forms, { spans, isSuspect, from, to }) }];
  }

  /** What waited for more of a step that has ended, or of all at the end: another step's lines are not whole yet. */
  flush(end: EventOf<'step.finished' | 'result'>): EventOf<'log'>[] {
    const ended = end.type === 'result' ? '' : stepKey(end);
    const keys = [...this.#tails.keys()].filter((key) => key.startsWith(ended));
    const tails = keys
      .map((key) => this.#tails.get(key)!)
      .filter(({ event, said }) => said < event.text.length);
    for (const key of keys) this.#tails.delete(key);
    return tails.map(({ event, said }) => {
      const part = { ...findSecrets(event.text, this.forms), from: said, to: event.text.length };
      return { ...event, text: maskPart(event.text, this.forms, part) };
    });
  }
}

function stepKey({ step, project }: { step: string; project?: string | undefined }): string {
  return `${step}\0${project ?? ''}\0`;
}

/** Before here no secret can begin that is not whole. */
function keepFrom(text: string): number {
  const lineStart = text.lastIndexOf('\n') + 1;
  const beginning = Math.max(lineStart, text.length - LONGEST + 1);
  return runStart(text, beginning, Math.max(lineStart, beginning - LONGEST_RUN));
}

/** What programs rely on, and what no secret can be part of but by chance: a secret `push` must not make a step of it `***`. */
const STRUCTURE = new Set(
  'type time build step status code stream id digest revision platform project name ref refs base version state'
    .split(' ')
    .concat(['queuedAt', 'startedAt', 'finishedAt', 'committedAt', 'dockerfile', 'notify']),
);

/** Maps whose keys the caller or the repository chose: a build arg `version` is no structure. */
const FREE = new Set(['buildArgs', 'labels']);

function redactStrings<T>(value: T, redact: (text: string) => string, structure = STRUCTURE): T {
  if (typeof value === 'string') return redact(value) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => redactStrings(item, redact, structure)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => {
    const isStructure =
      structure.has(key) && (typeof item !== 'object' || Array.isArray(item)) && !isObjects(item);
    if (isStructure) return [key, item];
    return [key, redactStrings(item as unknown, redact, FREE.has(key) ? new Set() : structure)];
  });
  return Object.fromEntries(entries) as T;
}

function isObjects(value: unknown): boolean {
  return Array.isArray(value) && value.some((item) => typeof item === 'object');
}
