import { once } from 'node:events';
import { open, rename } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { onAbort } from '../model/abort.js';

/**
 * A socket file tells whether the process behind it lives: the kernel refuses connections from the moment when that ends, however it
 * ends, and accepts them for a process that is frozen (unix(7)). It is told by the file's inode, so containers on one machine that
 * share the directory agree, whatever their process ids and networks.
 */

/** What connect(2) says of a socket on which nobody listens, and of a file that is none or is not there. */
const NOBODY = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTDIR', 'ENOTSOCK']);
/** A socket's path has at most 107 bytes, unix(7). */
const LONGEST = 100;
/** Milliseconds that somebody who asks has for the question. */
const PATIENCE = 5_000;

/** Listens at `file` until the process ends, and answers each line with a text. Keeps no process alive. */
export async function announce(file: string, answer: (question: string) => Promise<string>): Promise<void> {
  const server = createServer((socket) => void attend(socket, answer)).unref();
  const fresh = `${file}.new`;
  await atShortPath(fresh, (path) => listen(server, path));
  // Nobody finds it between bind(2) and listen(2), when it would pass for dead.
  await rename(fresh, file);
}

/** Whether the process that has announced itself at `file` lives. In doubt it does. */
export async function isPresent(file: string): Promise<boolean> {
  return await atShortPath(file, async (path) => {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
      return true;
    } catch (error) {
      return !NOBODY.has((error as NodeJS.ErrnoException).code ?? '');
    } finally {
      socket.destroy();
    }
  }).catch((error: NodeJS.ErrnoException) => !NOBODY.has(error.code ?? ''));
}

/** What the process at `file` answers. Rejects where nobody is there, or when `signal` aborts. */
export async function ask(file: string, question: string, signal: AbortSignal): Promise<string> {
  return await atShortPath(file, async (path) => {
    const socket = connect(path);
    using _abort = onAbort(signal, () => socket.destroy(signal.reason as Error));
    try {
      socket.write(`${question}\n`);
      return await text(socket);
    } finally {
      socket.destroy();
    }
  });
}

async function attend(socket: Socket, answer: (question: string) => Promise<string>): Promise<void> {
  socket.on('error', () => undefined).unref();
  socket.setTimeout(PATIENCE, () => socket.destroy());
  socket.setEncoding('utf8');
  socket.once('data', (line: string) => {
    answer(line.trim()).then(
      (said) => socket.end(said),
      () => socket.destroy(),
    );
  });
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, 'listening');
  server.on('error', () => undefined);
}

async function atShortPath<T>(file: string, use: (path: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(file) <= LONGEST) return await use(file);
  const directory = await open(dirname(file));
  try {
    return await use(join('/proc/self/fd', String(directory.fd), basename(file)));
  } finally {
    await directory.close();
  }
}
