import type { Session as ClientSession } from 'ssh2';
import type { Terminal } from '../model/terminal.js';

/** A window that nobody may know the size of is told as 0 × 0 (RFC 4254 §6.2); absurd sizes would cost memory. */
const fallback = { columns: 80, rows: 24 };
const most = 1000;

/** The terminal of a session, once it has asked for one. */
export type SessionTerminal = Terminal & { readonly keyboardTaken: boolean };

/** Follows the pty and window-change requests of a session. The answer gives its terminal, if it has one by then. */
export function watchTerminal(session: ClientSession): () => SessionTerminal | undefined {
  const listeners = new Set<() => void>();
  const keyboardListeners = new Set<(taken: boolean) => void>();
  let takers = 0;
  let terminal: SessionTerminal | undefined;
  const tell = (taken: boolean): void => {
    for (const listener of keyboardListeners) listener(taken);
  };
  const release = (): void => {
    takers -= 1;
    if (takers === 0) tell(false);
  };
  const opened = {
    onResize: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    takeKeyboard: () => {
      // First: what is written for it still gets its carriage returns.
      if (takers === 0) tell(true);
      takers += 1;
      return { [Symbol.dispose]: once(release) };
    },
    onKeyboard: (listener: (taken: boolean) => void) => {
      keyboardListeners.add(listener);
      return () => void keyboardListeners.delete(listener);
    },
    get keyboardTaken() {
      return takers > 0;
    },
  };
  session.on('pty', (accept, _, { term, cols, rows }) => {
    terminal = Object.assign(opened, { term, ...size(cols, rows) });
    accept?.();
  });
  session.on('window-change', (_accept, _reject, { cols, rows }) => {
    if (terminal === undefined) return;
    Object.assign(terminal, size(cols, rows));
    for (const listener of listeners) listener();
  });
  return () => terminal;
}

function size(columns: number, rows: number): { columns: number; rows: number } {
  return {
    columns: Math.min(columns || fallback.columns, most),
    rows: Math.min(rows || fallback.rows, most),
  };
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}
