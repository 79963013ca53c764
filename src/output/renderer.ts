import type { Writable } from 'node:stream';
import type { BuildEvent, Emit } from '../model/events.js';
import { createHumanRenderer, resultLine } from './human.js';
import { createJsonRenderer } from './json.js';
import { createPump } from './pump.js';
import { createResultRenderer } from './result.js';

export type OutputFormat = 'human' | 'json' | 'result';

/** The renderer for a format, on a caller's two streams (CONTRACT §6). */
export function createRenderer(
  format: OutputFormat,
  streams: { stdout: Writable; stderr: Writable },
): Emit<BuildEvent> {
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
