import xterm from '@xterm/headless';
import type { Terminal } from '../../src/model/terminal.js';
import type { Timer } from '../../src/output/terminal/pace.js';

/** A terminal emulator behind a pty: what was written to it, and what a person would see of that. */
export type Screen = Terminal & {
  write(text: string): void;
  resize(columns: number, rows: number): Promise<void>;
  /** The rows that are to be seen, from the top, without blanks at their ends. */
  visible(): Promise<string[]>;
  /** Everything, lines that wrap joined again, without empty lines at the end. */
  history(): Promise<string[]>;
  cursor(): Promise<{ column: number; belowIsEmpty: boolean; wraps: boolean; visible: boolean }>;
  /** Everything that was ever written. */
  written: string;
  writes: number;
};

export type ScreenOptions = {
  columns: number;
  rows: number;
  term?: string;
  /** Lines that a narrower window cuts are wrapped anew; default true. */
  reflows?: boolean;
};

export function createScreen(size: ScreenOptions): Screen {
  const emulator = new xterm.Terminal({
    cols: size.columns,
    rows: size.rows,
    scrollback: 10_000,
    windowsMode: size.reflows === false,
    allowProposedApi: true,
  });
  const listeners = new Set<() => void>();
  const keyboardListeners = new Set<(taken: boolean) => void>();
  let cursorVisible = true;
  emulator.parser.registerCsiHandler({ prefix: '?', final: 'l' }, ([mode]) => see(mode, false));
  emulator.parser.registerCsiHandler({ prefix: '?', final: 'h' }, ([mode]) => see(mode, true));
  const see = (mode: unknown, visible: boolean): false => {
    if (mode === 25) cursorVisible = visible;
    return false;
  };
  const drawn = () => new Promise<void>((resolve) => emulator.write('', resolve));
  const rowAt = (y: number) => emulator.buffer.active.getLine(y)?.translateToString(true) ?? '';
  const screen: Screen = {
    term: size.term ?? 'xterm-256color',
    columns: size.columns,
    rows: size.rows,
    written: '',
    writes: 0,
    write(text) {
      screen.written += text;
      screen.writes++;
      emulator.write(text);
    },
    async resize(columns, rows) {
      await drawn();
      emulator.resize(columns, rows);
      Object.assign(screen, { columns, rows });
      for (const listener of listeners) listener();
    },
    onResize(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    takeKeyboard() {
      for (const listener of keyboardListeners) listener(true);
      return { [Symbol.dispose]: () => keyboardListeners.forEach((listener) => listener(false)) };
    },
    onKeyboard(listener) {
      keyboardListeners.add(listener);
      return () => void keyboardListeners.delete(listener);
    },
    async visible() {
      await drawn();
      const { baseY } = emulator.buffer.active;
      return Array.from({ length: screen.rows }, (_, row) => rowAt(baseY + row));
    },
    async history() {
      await drawn();
      const lines: string[] = [];
      for (let y = 0; y < emulator.buffer.active.length; y++) {
        const line = emulator.buffer.active.getLine(y)!;
        if (line.isWrapped) lines.push(lines.pop()! + rowAt(y));
        else lines.push(rowAt(y));
      }
      while (lines.at(-1) === '') lines.pop();
      return lines;
    },
    async cursor() {
      await drawn();
      const { baseY, cursorX, cursorY, length } = emulator.buffer.active;
      const below = Array.from({ length: length - baseY - cursorY }, (_, row) =>
        rowAt(baseY + cursorY + row),
      );
      return {
        column: cursorX,
        belowIsEmpty: below.every((line) => line === ''),
        wraps: emulator.modes.wraparoundMode,
        visible: cursorVisible,
      };
    },
  };
  return screen;
}

/** Time that moves only when it is told to. */
export function createManualTimer(start: number): Timer & { pass(ms: number): void; waiting(): number } {
  const calls = new Map<symbol, { at: number; act: () => void }>();
  let time = start;
  return {
    now: () => time,
    after(ms, act) {
      const key = Symbol('call');
      calls.set(key, { at: time + ms, act });
      return () => void calls.delete(key);
    },
    pass(ms) {
      const end = time + ms;
      for (;;) {
        const [next] = [...calls].filter(([, { at }]) => at <= end).toSorted(([, a], [, b]) => a.at - b.at);
        if (!next) break;
        calls.delete(next[0]);
        time = next[1].at;
        next[1].act();
      }
      time = end;
    },
    waiting: () => calls.size,
  };
}
