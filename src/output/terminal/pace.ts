/** Milliseconds from one picture to the next, at least. */
const INTERVAL = 100;

/** A pump, of text alone. */
export type Write = (text: string) => void | Promise<void>;

/** Time, and a call at a time to come, which the answer takes back. */
export type Timer = { now(): number; after(ms: number, act: () => void): () => void };

export const realTimer: Timer = {
  now: Date.now,
  after(ms, act) {
    const timer = setTimeout(act, ms).unref();
    return () => clearTimeout(timer);
  },
};

export type Pace = {
  /** Something is new: a picture soon. */
  touch(): void;
  /** A picture now, unless the reader has not taken the last one. */
  hurry(): void;
  /** Pending while the reader has not taken what was written. */
  readonly taken: Promise<void> | undefined;
  /** No more pictures until the next touch. */
  rest(): void;
};

export type Pictures = {
  /** The text of the next picture, '' for none. */
  draw: () => string;
  /** Whether pictures change though nothing is new. */
  moving: () => boolean;
  write: Write;
  timer: Timer;
};

/** Writes pictures: the first one at once, ten a second at most, and none while the reader is behind. */
export function createPace({ draw, moving, write, timer }: Pictures): Pace {
  let last = -Infinity;
  let taken: Promise<void> | undefined;
  let cancel: (() => void) | undefined;

  const rest = (): void => {
    cancel?.();
    cancel = undefined;
  };
  const hurry = (): void => {
    rest();
    if (taken) return;
    last = timer.now();
    const text = draw();
    const writing = text === '' ? undefined : write(text);
    if (writing) taken = writing.then(onTaken, onTaken);
    else if (moving()) touch();
  };
  const touch = (): void => {
    if (cancel || taken) return;
    const wait = Math.min(last + INTERVAL - timer.now(), INTERVAL);
    if (wait <= 0) hurry();
    else cancel = timer.after(wait, hurry);
  };
  const onTaken = (): void => {
    taken = undefined;
    touch();
  };
  return {
    touch,
    hurry,
    rest,
    get taken() {
      return taken;
    },
  };
}
