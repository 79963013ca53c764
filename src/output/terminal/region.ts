/** Control functions of xterm and all that followed it. */
const clearBelow = '\x1b[J';
const clearRight = '\x1b[K';
const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';
const noWrap = '\x1b[?7l';
const wrap = '\x1b[?7h';
const up = (rows: number) => (rows > 0 ? `\x1b[${rows}A` : '');

/** The lines at the end of the terminal that change. */
export type Region = {
  /** What to write so that `lasting` (whole lines) stands above the region for good, and `lines` in it; '' where nothing changes. */
  paint(lasting: string, lines: readonly string[]): string;
  /** The window has changed: the next paint draws everything. */
  forget(): void;
};

/**
 * Between two paints the cursor waits where the region begins, so that nothing needs to know how many rows the terminal made of it when
 * it reflowed in a narrower window. Lines never wrap, whatever width the terminal gives to their characters. Each paint
 * leaves the terminal's modes as they were: a connection may be lost after any of them.
 */
export function createRegion(): Region {
  let shown = '';
  let stale = false;
  return {
    paint(lasting, lines) {
      const frame = lines.length === 0 ? '' : frameText(lines);
      if (lasting === '' && frame === shown && !stale) return '';
      const clear = shown !== '' && (lasting !== '' || frame === '' || stale) ? `\r${clearBelow}` : '';
      shown = frame;
      stale = false;
      // With its own carriage returns: who takes the keyboard makes the terminal raw.
      return (clear + lasting + frame).replaceAll('\n', '\r\n');
    },
    forget() {
      stale = shown !== '';
    },
  };
}

// A line is cleared before it is written: after its last column the cursor stands on it.
function frameText(lines: readonly string[]): string {
  const last = lines.length - 1;
  const drawn = lines.map((line, n) => `\r${n === last ? clearBelow : clearRight}${line}`).join('\n');
  return `${hideCursor}${noWrap}${drawn}\r${up(last)}${wrap}${showCursor}`;
}
