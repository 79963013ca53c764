// svg.mjs CAST SVG: an asciicast as a picture that moves: every frame below the other, and a window that jumps from one to the next.
// One file, no script, no font; who wants less motion sees the last frame.
import { readFileSync, writeFileSync } from 'node:fs';
import xterm from '@xterm/headless';

const [from, to] = process.argv.slice(2);
const [header, ...events] = readFileSync(from, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));
const { width: columns, height: rows, title } = header;

/** Pixels of a cell and around all of them; milliseconds between two frames at least. */
const [cellWidth, cellHeight, margin, interval] = [8.4, 18, 14, 150];
const [width, height] = [Math.ceil(columns * cellWidth + 2 * margin), rows * cellHeight + 2 * margin];

// Of the palette: the eight colours, and bright black, which is grey; the other bright ones are drawn as the first eight.
const colours = [
  '#6e7681',
  '#ff7b72',
  '#3fb950',
  '#d29922',
  '#58a6ff',
  '#bc8cff',
  '#39c5cf',
  '#e6edf3',
  '#8b949e',
];
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

writeFileSync(to, svg(await takeFrames()));

/** What the screen shows and from when on, in seconds; what lasts less than the interval is not seen. */
async function takeFrames() {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const frames = [];
  for (const [index, [time, , text]] of events.entries()) {
    await new Promise((resolve) => terminal.write(text, resolve));
    const next = events[index + 1]?.[0] ?? Infinity;
    if ((next - time) * 1000 < interval && time - (frames.at(-1)?.time ?? 0) < interval / 1000) continue;
    const lines = Array.from({ length: rows }, (_, y) => drawLine(terminal.buffer.active, y));
    if (lines.join('\n') !== frames.at(-1)?.lines.join('\n')) frames.push({ time, lines });
  }
  return frames;
}

/** A row of cells as runs of one style each; empty where there is nothing. */
function drawLine(buffer, y) {
  const line = buffer.getLine(buffer.baseY + y);
  const end = line.translateToString(true).length;
  const runs = [];
  for (let x = 0; x < columns && x < end; x++) {
    const cell = line.getCell(x);
    const style = styleOf(cell);
    const text = cell.getChars() || (cell.getWidth() === 0 ? '' : ' ');
    if (runs.at(-1)?.style === style) runs.at(-1).text += text;
    else runs.push({ style, text });
  }
  return runs
    .map(({ style, text }) => (style ? `<tspan class="${style}">${escape(text)}</tspan>` : escape(text)))
    .join('');
}

function styleOf(cell) {
  const colour = cell.isFgPalette() ? `c${cell.getFgColor() === 8 ? 8 : cell.getFgColor() % 8}` : '';
  return [colour, cell.isBold() ? 'b' : '', cell.isDim() ? 'd' : ''].filter(Boolean).join(' ');
}

function svg(frames) {
  const ids = new Map();
  for (const line of frames.flatMap(({ lines }) => lines))
    if (line !== '' && !ids.has(line)) ids.set(line, ids.size);
  const pictures = frames.map(({ lines }, index) => {
    const uses = lines.map(
      (line, y) => line && `<use href="#r${ids.get(line)}" y="${(y + 1) * cellHeight - 4}"/>`,
    );
    return `<g transform="translate(0 ${index * height})">${uses.join('')}</g>`;
  });
  const seconds = events.at(-1)[0];
  const keys = frames.map(
    ({ time }, index) =>
      `${((100 * time) / seconds).toFixed(2)}%{transform:translateY(${-index * height}px)}`,
  );
  const last = -(frames.length - 1) * height;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escape(title)}</title>
<style>
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;fill:#e6edf3;white-space:pre}
${colours.map((colour, index) => `.c${index}{fill:${colour}}`).join('')}.b{font-weight:bold}.d{opacity:.6}
#film{animation:play ${seconds}s step-end infinite}
@keyframes play{${keys.join('')}100%{transform:translateY(${last}px)}}
@media (prefers-reduced-motion:reduce){#film{animation:none}}
</style>
<defs>
${[...ids].map(([line, id]) => `<text id="r${id}" xml:space="preserve">${line}</text>`).join('\n')}
</defs>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117" stroke="#30363d"/>
<svg x="${margin}" y="${margin}" width="${width - 2 * margin}" height="${height - 2 * margin}"><g id="film" transform="translate(0 ${last})">
${pictures.join('\n')}
</g></svg>
</svg>
`;
}
