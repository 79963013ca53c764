import type { BuildEvent, Emit } from '../model/events.js';

/** Characters of a build's events that are kept for who attaches, and characters that an event has beside its text. */
export const KEPT = 4 * 2 ** 20;
const FRAME = 200;

/** What a build tells: passed on to its caller, and kept, as far as there is room, for who attaches later. */
export type Feed = {
  emit: Emit<BuildEvent>;
  /**
   * Replays what is kept, then follows to the verdict, which it resolves with; undefined where `signal` aborts before. Who reads slowly
   * holds nobody back, and is told how much of the log it missed.
   */
  follow(emit: Emit<BuildEvent>, signal: AbortSignal): Promise<ResultEvent | undefined>;
};

type ResultEvent = Extract<BuildEvent, { type: 'result' }>;
/** Where a reader is: the number of the next event, and how many lines of log come before it. */
type Place = { at: number; line: number };
type Kept = Place & { event: BuildEvent };

/** `caller`: gets each event as it happens, and holds the build back where it is slow. */
export function createFeed(caller: Emit<BuildEvent>, limit = KEPT): Feed {
  const store = createStore(limit);
  let told: Emit<BuildEvent> = caller;
  const followers = new Set<() => void>();
  return {
    emit(event) {
      store.push(event);
      for (const wake of followers) wake();
      const taken = told(event);
      // What is kept of the build must not keep its caller's connection.
      if (event.type === 'result') told = () => undefined;
      return taken;
    },
    async follow(emit, signal) {
      const bell = createBell();
      followers.add(bell.ring);
      signal.addEventListener('abort', bell.ring);
      try {
        for (let place: Place = { at: 0, line: 0 }; !signal.aborted; await bell.rung()) {
          for (let kept = store.from(place.at); kept && !signal.aborted; kept = store.from(place.at)) {
            if (kept.line > place.line) await emit(cutNotice(kept.event, kept.line - place.line));
            await emit(kept.event);
            if (kept.event.type === 'result') return kept.event;
            place = { at: kept.at + 1, line: kept.line + linesOf(kept.event) };
          }
        }
        return undefined;
      } finally {
        followers.delete(bell.ring);
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
  const lasting: Kept[] = [];
  let recent: Kept[] = [];
  let head = 0;
  let size = 0;
  let at = 0;
  let line = 0;
  const drop = () => {
    const oldest = recent[head++]!;
    size -= sizeOf(oldest.event);
    if (!isPassing(oldest.event)) lasting.push(oldest);
    if (head * 2 > recent.length) [recent, head] = [recent.slice(head), 0];
  };
  return {
    push(event: BuildEvent) {
      recent.push({ at: at++, line, event });
      line += linesOf(event);
      size += sizeOf(event);
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
  return event.type === 'log' ? event.text.split('\n').length - (event.text.endsWith('\n') ? 1 : 0) : 0;
}

function cutNotice({ time, build }: BuildEvent, lines: number): BuildEvent {
  const what = lines === 1 ? '1 line' : `${lines} lines`;
  return { type: 'warning', time, build, message: `${what} of the log are not kept any more` };
}
