import type { BuildEvent, Emit } from '../model/events.js';
import { LAST_WORDS } from '../model/last-words.js';
import { createPatience } from './patience.js';
import { createSlabs, type Packed } from './slabs.js';

/** Characters of a build's events that are kept for who attaches, and characters that an event has beside its text. */
export const KEPT = 4 * 2 ** 20;
const FRAME = 200;

/** What a build tells: passed on to its caller, and kept, as far as there is room, for who attaches later. */
export type Feed = {
  emit: Emit<BuildEvent>;
  /**
   * Replays what is kept, then follows to the verdict, which it resolves with; undefined where `signal` aborts before. Who reads slowly
   * holds nobody back, and is told how much of the log it missed; once the build has ended it is waited for as others are.
   */
  follow(emit: Emit<BuildEvent>, signal: AbortSignal): Promise<ResultEvent | undefined>;
};

type ResultEvent = Extract<BuildEvent, { type: 'result' }>;
/** Where a reader is: the number of the next event, and how many lines of log come before it. */
type Place = { at: number; line: number };
/** `text`: that of a log event, which is without it. */
type Kept = Place & { event: BuildEvent; size: number; lines: number; text?: Packed };

/** Characters from which on a log event's text is kept apart. */
const LONG = 1024;

/** `caller`: gets each event as it happens, and holds the build back where it is slow. */
export function createFeed(caller: Emit<BuildEvent>, limit = KEPT): Feed {
  const store = createStore(limit);
  let told: Emit<BuildEvent> = caller;
  const followers = new Set<{ ring: () => void; hurry: () => void }>();
  let ended = false;
  return {
    emit(event) {
      store.push(event);
      for (const { ring } of followers) ring();
      const taken = told(event);
      if (event.type === 'result') {
        // What is kept of the build must not keep its caller's connection.
        told = () => undefined;
        ended = true;
        for (const { hurry } of followers) hurry();
      }
      return taken;
    },
    async follow(reader, signal) {
      const bell = createBell();
      using patience = createPatience(reader);
      const { emit } = patience;
      const follower = { ring: bell.ring, hurry: () => patience.end(LAST_WORDS) };
      if (ended) follower.hurry();
      followers.add(follower);
      signal.addEventListener('abort', bell.ring);
      try {
        for (let place: Place = { at: 0, line: 0 }; !signal.aborted; await bell.rung()) {
          for (let kept = store.from(place.at); kept && !signal.aborted; kept = store.from(place.at)) {
            const { at, line, lines } = kept;
            const event = eventOf(kept);
            if (line > place.line) await emit(cutNotice(event, line - place.line));
            await emit(event);
            if (event.type === 'result') return event;
            place = { at: at + 1, line: line + lines };
          }
        }
        return undefined;
      } finally {
        followers.delete(follower);
        signal.removeEventListener('abort', bell.ring);
      }
    },
  };
}

/** Rung while nobody waits, it is heard by who waits next. */
function createBell(): { ring: () => void; rung: () => Promise<void> } {
  let pending = false;
  let waiter: (() => void) | undefined;
  return {
    ring: () => {
      if (waiter === undefined) pending = true;
      waiter?.();
      waiter = undefined;
    },
    rung: () =>
      new Promise((resolve) => {
        if (pending) resolve();
        else waiter = resolve;
        pending = false;
      }),
  };
}

/**
 * The newest events within `limit`, and of the older ones those that tell how the build went. An array with a moving head: to shift
 * one would move all the others.
 */
function createStore(limit: number) {
  const slabs = createSlabs();
  const lasting: Kept[] = [];
  let recent: Kept[] = [];
  let head = 0;
  let size = 0;
  let at = 0;
  let line = 0;
  const drop = () => {
    const oldest = recent[head++]!;
    size -= oldest.size;
    oldest.text?.free();
    if (!isPassing(oldest.event)) lasting.push(oldest);
    if (head * 2 > recent.length) [recent, head] = [recent.slice(head), 0];
  };
  return {
    push(event: BuildEvent) {
      const kept: Kept = { at: at++, line, event, size: sizeOf(event), lines: linesOf(event) };
      if (event.type === 'log' && event.text.length >= LONG) {
        kept.text = slabs.pack(event.text);
        kept.event = { ...event, text: '' };
      }
      recent.push(kept);
      line += kept.lines;
      size += kept.size;
      while (size > limit && recent.length - head > 1) drop();
    },
    /** The first event that is kept from place `at` on. */
    from(place: number): Kept | undefined {
      const first = recent[head];
      if (first && place >= first.at) return recent[head + place - first.at];
      return lasting.find((kept) => kept.at >= place) ?? first;
    },
  };
}

function eventOf({ event, text }: Kept): BuildEvent {
  return text !== undefined && event.type === 'log' ? { ...event, text: text.read() } : event;
}

// A hostile build can warn without end; its steps are few.
function isPassing({ type }: BuildEvent): boolean {
  return type === 'log' || type === 'progress' || type === 'warning' || type === 'build.queued';
}

function sizeOf(event: BuildEvent): number {
  switch (event.type) {
    case 'log':
      return FRAME + event.text.length;
    case 'warning':
      return FRAME + event.message.length;
    case 'progress':
      return FRAME + event.what.length;
    default:
      return FRAME;
  }
}

function linesOf(event: BuildEvent): number {
  if (event.type !== 'log') return 0;
  const { text } = event;
  let lines = text.endsWith('\n') ? 0 : 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}

function cutNotice({ time, build }: BuildEvent, lines: number): BuildEvent {
  const what = lines === 1 ? '1 line' : `${lines} lines`;
  return { type: 'warning', time, build, message: `${what} of the log are not kept any more` };
}
