export type TailLimits = {
  lines: number;
  /** Characters that a line may have: of a longer one the end is kept. */
  length: number;
};

/** The last lines of a text that comes in pieces. */
export class Tail {
  readonly lines: string[] = [];
  /** Lines that the text had so far, the unfinished one included. */
  total = 0;
  #open = false;

  constructor(readonly limits: TailLimits) {}

  push(text: string): void {
    if (text === '') return;
    const whole = text.endsWith('\n');
    this.total += countLines(text) - (this.#open ? 1 : 0);
    // Only the end matters: a batch may hold thousands of lines.
    let start = whole ? text.length - 1 : text.length;
    for (let n = 0; n < this.limits.lines && start >= 0; n++)
      start = start === 0 ? -1 : text.lastIndexOf('\n', start - 1);
    const [first = '', ...rest] = text.slice(start + 1, whole ? -1 : undefined).split('\n');
    if (this.#open && start < 0) this.lines.push((this.lines.pop() ?? '') + first, ...rest);
    else this.lines.push(first, ...rest);
    this.#shorten();
    this.#open = !whole;
  }

  #shorten(): void {
    const { lines: most, length } = this.limits;
    if (this.lines.length > most) this.lines.splice(0, this.lines.length - most);
    for (const [index, line] of this.lines.entries()) {
      if (line.length > length) this.lines[index] = `…${line.slice(1 - length)}`;
    }
  }
}

function countLines(text: string): number {
  let count = text.endsWith('\n') ? 0 : 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
