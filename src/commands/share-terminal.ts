import type { Readable } from 'node:stream';
import { onAbort } from '../model/abort.js';
import type { BuildEvent, Emit } from '../model/events.js';
import { createPump, flushed } from '../output/pump.js';
import type { OpenTerminal } from '../ports.js';
import type { Invocation } from './invocation.js';

/**
 * One terminal for two: what renders the build, and what in a container gets the terminal for a while. Events wait meanwhile; a renderer
 * that draws on the terminal clears what it drew.
 */
export function shareTerminal(
  render: Emit<BuildEvent>,
  invocation: Invocation,
): { render: Emit<BuildEvent>; openTerminal: OpenTerminal | undefined } {
  const { terminal, stdin, stdout } = invocation;
  if (terminal === undefined) return { render, openTerminal: undefined };
  const write = createPump(stdout);
  let busy: Promise<void> | undefined;
  return {
    render: (event) => (busy ? busy.then(() => render(event)) : render(event)),
    async openTerminal(signal) {
      let free = (): void => undefined;
      busy = new Promise((resolve) => (free = resolve));
      const keyboard = terminal.takeKeyboard();
      await readOrAborted(flushed(stdout), signal);
      discardTypedAhead(stdin);
      return {
        input: stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>,
        write: (data) => readOrAborted(write(data), signal),
        terminal,
        async [Symbol.asyncDispose]() {
          await readOrAborted(flushed(stdout), signal);
          keyboard[Symbol.dispose]();
          busy = undefined;
          free();
        },
      };
    },
  };
}

// It was not meant for a shell.
function discardTypedAhead(stdin: Readable): void {
  while (stdin.read() !== null);
}

/** Who does not read must not hold up the end of the build. */
async function readOrAborted(work: void | Promise<void>, signal: AbortSignal): Promise<void> {
  if (work === undefined || signal.aborted) return;
  let stop = (): void => undefined;
  const aborted = new Promise<void>((resolve) => (stop = resolve));
  using _abort = onAbort(signal, stop);
  await Promise.race([work, aborted]);
}
