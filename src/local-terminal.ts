import type { ReadStream, WriteStream } from 'node:tty';
import type { Terminal } from './model/terminal.js';

/** A pty whose size nobody has set says 0 × 0. */
const fallback = { columns: 80, rows: 24 };

/** The terminal in which the program itself runs; undefined where its output goes elsewhere. */
export function localTerminal(
  { stdin, stdout }: { stdin: ReadStream; stdout: WriteStream },
  term: string,
): Terminal | undefined {
  // Off a terminal it is a stream of another kind, whatever its type says.
  if (!stdout.isTTY) return undefined;
  const keyboardListeners = new Set<(taken: boolean) => void>();
  const take = (taken: boolean): void => {
    // Raw mode: Ctrl-C is no signal then.
    if (stdin.isTTY) stdin.setRawMode(taken);
    for (const listener of keyboardListeners) listener(taken);
  };
  return {
    term,
    get columns() {
      return stdout.columns || fallback.columns;
    },
    get rows() {
      return stdout.rows || fallback.rows;
    },
    onResize(listener) {
      stdout.on('resize', listener);
      return () => void stdout.off('resize', listener);
    },
    takeKeyboard() {
      take(true);
      return { [Symbol.dispose]: () => take(false) };
    },
    onKeyboard(listener) {
      keyboardListeners.add(listener);
      return () => void keyboardListeners.delete(listener);
    },
  };
}
