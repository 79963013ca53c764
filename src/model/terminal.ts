/** The caller's terminal. `columns` and `rows` follow its window. */
export interface Terminal {
  /** Its type, e.g. `xterm-256color`. */
  readonly term: string;
  readonly columns: number;
  readonly rows: number;
  /** Calls back after each change of the window, until the answer is called. */
  onResize(listener: () => void): () => void;
  /**
   * Until it is disposed, every byte that is typed goes to who reads stdin, and Ctrl-C stops nothing; and what is written arrives
   * unchanged, without carriage returns of ours.
   */
  takeKeyboard(): Disposable;
  /** Calls back when the keyboard is taken (at once, before its taker writes anything) and when it is free again, until the answer is called. */
  onKeyboard(listener: (taken: boolean) => void): () => void;
}
