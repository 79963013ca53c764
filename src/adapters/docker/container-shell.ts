import type { Duplex } from 'node:stream';
import type { TerminalSession } from '../../ports.js';
import { type Connection, openUpgraded, requestJson } from './connection.js';
import { delayAbort } from './delay-abort.js';
import { onAbort } from '../../model/abort.js';

/** How long an abort waits for an image in the making: the engine makes it anyway, and only then can it be removed. */
const SAVING = 5_000;

/** Keeps what has become of a container as an image of this name. The processes in it, if any, go on meanwhile. */
export async function saveContainer(
  connection: Connection,
  { name, image }: { name: string; image: string },
  signal: AbortSignal,
): Promise<void> {
  const [repo, tag] = image.split(':');
  const query = { container: name, repo, tag, pause: '0' };
  using cut = delayAbort(signal, SAVING);
  await requestJson(connection, {
    method: 'POST',
    path: '/commit',
    query,
    signal: cut.signal,
    patient: true,
  });
  signal.throwIfAborted();
}

/**
 * Starts a container that was made with a terminal, and joins it to a person's until its command ends. Where the person has hung up, the
 * command may still run: an interactive shell ends with its container.
 */
export async function interactWithContainer(
  connection: Connection,
  { name, session }: { name: string; session: TerminalSession },
  signal: AbortSignal,
): Promise<void> {
  const stream = await openUpgraded(connection, {
    method: 'POST',
    path: `/containers/${name}/attach`,
    query: { stream: '1', stdin: '1', stdout: '1', stderr: '1' },
    signal,
  });
  stream.on('error', () => undefined);
  using _abort = onAbort(signal, () => stream.destroy());
  try {
    await requestJson(connection, { method: 'POST', path: `/containers/${name}/start`, signal });
    using _window = followWindow(connection, name, session);
    void type(session, stream);
    for await (const data of stream as AsyncIterable<Buffer>) await session.write(data);
  } finally {
    stream.destroy();
  }
}

/** Ends when nothing more is typed; a shell takes that for `exit`. */
async function type({ input }: TerminalSession, stream: Duplex): Promise<void> {
  try {
    for await (const data of input) {
      if (stream.destroyed) return;
      // A command that reads nothing: what is typed waits, and then the terminal drops it.
      if (!stream.write(data)) await drained(stream);
    }
  } catch {
    // The person is gone: the same.
  }
  stream.end();
}

function drained(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

/** Tells the engine each size of the window; of those that come while it takes one, the last. */
function followWindow(connection: Connection, name: string, { terminal }: TerminalSession): Disposable {
  const ended = new AbortController();
  let told = '';
  let telling = false;
  const tell = async (): Promise<void> => {
    if (telling) return;
    telling = true;
    for (let size = sizeOf(terminal); size !== told && !ended.signal.aborted; size = sizeOf(terminal)) {
      told = size;
      const [w, h] = size.split('x');
      const request = { path: `/containers/${name}/resize`, query: { w, h }, signal: ended.signal };
      // It may have ended; a wrong width is no reason to end it.
      await requestJson(connection, { method: 'POST', ...request }).catch(() => undefined);
    }
    telling = false;
  };
  void tell();
  const leave = terminal.onResize(() => void tell());
  return {
    [Symbol.dispose]() {
      leave();
      ended.abort();
    },
  };
}

function sizeOf({ columns, rows }: TerminalSession['terminal']): string {
  return `${columns}x${rows}`;
}
