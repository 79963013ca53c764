import type { Writable } from 'node:stream';
import { Failure } from '../model/errors.js';
import type { BuildEvent, Emit } from '../model/events.js';
import type { Terminal } from '../model/terminal.js';
import { createHumanRenderer, resultLine } from './human.js';
import { createJsonRenderer } from './json.js';
import { createPump } from './pump.js';
import { createResultRenderer } from './result.js';
import { escapeControls } from './terminal/printable.js';
import { createTerminalRenderer } from './terminal/renderer.js';

export type OutputFormat = 'human' | 'json' | 'result';
export type Progress = 'auto' | 'plain' | 'tty';

/** The values of --output and --progress. */
export type HowToShow = { format?: OutputFormat | undefined; progress?: Progress | undefined };

/** A caller's two streams, and the terminal on which both are shown, if it is one. */
export type CallerStreams = {
  stdout: Writable;
  stderr: Writable;
  terminal?: Terminal;
  environment?: ReadonlyMap<string, string>;
};

/** Disposed, nothing of it moves any more; for who leaves before the result. */
export type Renderer = Emit<BuildEvent> & Disposable;

/** The renderer for a format, on a caller's two streams (docs/reference/events.md). Throws Failure USAGE for `tty` where nothing can be drawn. */
export function createRenderer(
  { format = 'human', progress = 'auto' }: HowToShow,
  streams: CallerStreams,
): Renderer {
  const canvas = drawingOn(streams.terminal);
  if (progress === 'tty') checkTerminal(format, canvas);
  if (format === 'human' && progress !== 'plain' && canvas) return createLiveRenderer(canvas, streams);
  return Object.assign(createLogRenderer(format, streams), { [Symbol.dispose]: () => undefined });
}

function createLogRenderer(format: OutputFormat, streams: CallerStreams): Emit<BuildEvent> {
  const [stdout, stderr] = [createPump(streams.stdout), createPump(streams.stderr)];
  switch (format) {
    case 'json':
      return createJsonRenderer(stdout);
    case 'result':
      return createResultRenderer(stdout, createHumanRenderer({ log: stderr, attention: stderr }));
    case 'human': {
      const render = createHumanRenderer({ log: stdout, attention: stderr });
      return async (event) => {
        await render(event);
        if (event.type === 'result') await stdout(resultLine(event));
      };
    }
  }
}

// All on one stream: nobody keeps two of them in order.
function createLiveRenderer(
  terminal: Terminal,
  { stdout, environment = new Map() }: CallerStreams,
): Renderer {
  const write = createPump(stdout);
  const render = createTerminalRenderer({ write, terminal, environment });
  const emit: Emit<BuildEvent> = (event) => (event.type === 'result' ? finish(event) : render(event));
  const finish = async (event: Extract<BuildEvent, { type: 'result' }>) => {
    await render(event);
    await write(escapeControls(resultLine(event)));
  };
  return Object.assign(emit, { [Symbol.dispose]: () => render[Symbol.dispose]() });
}

/** A terminal that can move its cursor. */
function drawingOn(terminal: Terminal | undefined): Terminal | undefined {
  return terminal && !['', 'dumb', 'unknown'].includes(terminal.term) ? terminal : undefined;
}

function checkTerminal(format: OutputFormat, canvas: Terminal | undefined): void {
  if (format !== 'human') {
    throw new Failure('USAGE', `--progress 'tty' draws human output, not --output '${format}'`, {
      hint: 'leave one of them out',
    });
  }
  if (canvas) return;
  throw new Failure('USAGE', "--progress 'tty' needs a terminal that can move its cursor", {
    hint: "connect with ssh -t, or use --progress 'plain'",
  });
}
