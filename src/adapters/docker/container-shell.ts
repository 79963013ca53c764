import type { Duplex } from 'node:stream';
import type { TerminalSession } from '../../ports.js';
import { type Connection, openUpgraded, requestJson } from './connection.js';

/** Keeps what has become of a container as an image of this name. The processes in it, if any, go on meanwhile. */
export async function saveContainer(
  connection: Connection,
  { name, image }: { name: string; image: string },
  signal: AbortSignal,
): Promise<void> {
  const [repo, tag] = image.split(':');
  const query = { container: name, repo, tag, pause: '0' };
  await requestJson(connection, { method: 'POST', path: '/commit', query, signal });
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
  const abort = (): void => void stream.destroy();
  stream.on('error', () => undefined);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await requestJson(connection, { method: 'POST', path: `/containers/${name}/start`, signal });
    using _window = followWindow(connection, name, session);
    void type(session, stream);
    for await (const data of stream as AsyncIterable<Buffer>) await session.write(data);
  } finally {
    signal.removeEventListener('abort', abort);
    stream.destroy();
  }
}

/** Ends when nothing more is typed; a shell takes that for `exit`. */
async function type({ input }: TerminalSession, stream: Duplex): Promise<void> {
  try {
    for await (const data of input) {
      if (stream.destroyed) return;
      stream.write(data);
    }
  } catch {
    // The person is gone: the same.
  }
  stream.end();
}

function followWindow(connection: Connection, name: string, { terminal }: TerminalSession): Disposable {
  const resize = (): void => {
    const query = { w: String(terminal.columns), h: String(terminal.rows) };
    // It may have ended; a wrong width is no reason to end it.
    requestJson(connection, { method: 'POST', path: `/containers/${name}/resize`, query }).catch(
      () => undefined,
    );
  };
  resize();
  const stop = terminal.onResize(resize);
  return { [Symbol.dispose]: stop };
}
