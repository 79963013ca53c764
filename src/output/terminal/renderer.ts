import type { BuildEvent, Emit } from '../../model/events.js';
import type { Terminal } from '../../model/terminal.js';
import { drawFrame } from './frame.js';
import { interruptedText } from './lasting.js';
import { createPace, realTimer, type Timer, type Write } from './pace.js';
import { createRegion } from './region.js';
import { createStory } from './story.js';
import { chooseStyle } from './style.js';

/** Characters of text for good that wait for the next picture; with more than that, it comes at once. */
const MOST_WAITING = 16_384;
/**
 * Milliseconds after a change of the window in which lines are half as long as they could be: while it is dragged smaller they do not
 * wrap. Some terminals (xterm.js) lose their cursor's place over a line below it that wraps, and a piece of the picture stays.
 */
const SETTLING = 1000;

export type TerminalRendererOptions = {
  write: Write;
  terminal: Terminal;
  /** The caller's: NO_COLOR, locale. */
  environment: ReadonlyMap<string, string>;
  timer?: Timer;
};

/**
 * For people who watch: the steps that run are lines at the end of the terminal that are drawn again and again; what has finished
 * is one line for good, a failed step's log and warnings are kept. With the result (or disposed) it ends: the cursor is on
 * a fresh line and nothing moves any more. An emit waits while the terminal takes nothing. While somebody has taken the keyboard, the terminal is theirs.
 */
export function createTerminalRenderer(options: TerminalRendererOptions): Emit<BuildEvent> & Disposable {
  const { write, terminal, environment, timer = realTimer } = options;
  const style = chooseStyle(terminal.term, environment);
  const [story, region, lent] = [createStory(style), createRegion(), createGate()];
  let [waiting, ended, settled] = ['', false, 0];

  const paint = (frame: readonly string[]): string => {
    const lasting = waiting;
    waiting = '';
    return region.paint(lasting, frame);
  };
  const draw = (): string => {
    if (lent.closed) return '';
    const now = timer.now();
    const columns = now < settled ? Math.ceil(terminal.columns / 2) : terminal.columns;
    return paint(drawFrame(story.running, { columns, rows: terminal.rows, now, style }));
  };
  const moving = (): boolean => !ended && !lent.closed && story.running.length > 0;
  const pace = createPace({ draw, moving, write, timer });
  const leave = watchTerminal(terminal, {
    resized: () => {
      settled = timer.now() + SETTLING;
      region.forget();
      pace.touch();
    },
    lent: () => {
      pace.rest();
      lent.close();
      // At once, before anything else is written: whoever takes the terminal wants to see why.
      waiting += story.running.map((step) => interruptedText(step, timer.now(), style)).join('');
      void write(paint([]));
    },
    returned: () => {
      lent.open();
      pace.touch();
    },
  });
  const end = (): void | Promise<void> => {
    if (ended) return undefined;
    ended = true;
    leave();
    pace.rest();
    lent.open();
    return write(paint([]));
  };
  const render: Emit<BuildEvent> = (event) => {
    if (ended) return undefined;
    waiting += story.tell(event);
    if (event.type === 'result') return end();
    if (waiting.length > MOST_WAITING) pace.hurry();
    else pace.touch();
    return waiting.length > MOST_WAITING ? (pace.taken ?? lent.opened) : pace.taken;
  };
  return Object.assign(render, { [Symbol.dispose]: () => void end() });
}

type TerminalNews = { resized: () => void; lent: () => void; returned: () => void };

/** Until the answer is called. */
function watchTerminal(terminal: Terminal, news: TerminalNews): () => void {
  const leave = [
    terminal.onResize(news.resized),
    terminal.onKeyboard((taken) => (taken ? news.lent() : news.returned())),
  ];
  return () => {
    for (const stop of leave) stop();
  };
}

/** `opened` is pending while it is closed. */
function createGate() {
  let opened: Promise<void> | undefined;
  let release: (() => void) | undefined;
  return {
    get closed() {
      return opened !== undefined;
    },
    get opened() {
      return opened;
    },
    close() {
      opened ??= new Promise((resolve) => (release = resolve));
    },
    open() {
      release?.();
      opened = undefined;
    },
  };
}
