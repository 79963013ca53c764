/** How things look. `colour` gives the text back as it is where no colours are wanted. */
export type Style = {
  colour: (colour: Colour, text: string) => string;
  spinner: readonly string[];
  marks: Record<'succeeded' | 'failed' | 'cancelled', string>;
  bar: { done: string; left: string };
};

/** Codes of SGR (ECMA-48 §8.3.117). */
const codes = { green: 32, red: 31, yellow: 33, cyan: 36, grey: 90 };
export type Colour = keyof typeof codes;

const signs = {
  unicode: {
    spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
    marks: { succeeded: '✔', failed: '✖', cancelled: '■' },
    bar: { done: '█', left: '░' },
  },
  ascii: {
    spinner: ['|', '/', '-', '\\'],
    marks: { succeeded: '+', failed: 'x', cancelled: '!' },
    bar: { done: '#', left: '.' },
  },
};

/** NO_COLOR (no-color.org) and the locale come from the caller's environment, if ssh sends them; the console of Linux has few glyphs. */
export function chooseStyle(term: string, environment: ReadonlyMap<string, string>): Style {
  const plain = Boolean(environment.get('NO_COLOR'));
  const locale = ['LC_ALL', 'LC_CTYPE', 'LANG'].map((name) => environment.get(name)).find(Boolean);
  const unicode = term !== 'linux' && (locale === undefined || /utf-?8/i.test(locale));
  return {
    ...(unicode ? signs.unicode : signs.ascii),
    colour: (colour, text) => (plain || text === '' ? text : `\x1b[${codes[colour]}m${text}\x1b[0m`),
  };
}
