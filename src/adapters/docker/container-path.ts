import type { IncomingMessage } from 'node:http';
import { posix } from 'node:path';
import { type Connection, EngineError, openStream } from './connection.js';

/** A place in a container, running or not. */
export type ContainerPath = { container: string; path: string };

/** As the engine tells it: Go's os.FileMode, and where a symbolic link leads in the end (else empty). */
export type PathStat = { mode: number; linkTarget: string };

/** The bit of a directory in Go's os.FileMode. */
const DIRECTORY = 2 ** 31;

/** What is at a path, links not followed; undefined: nothing. */
export async function statPath(
  connection: Connection,
  where: ContainerPath,
  signal: AbortSignal,
): Promise<PathStat | undefined> {
  try {
    const answer = await askArchive(connection, { method: 'HEAD', ...where }, signal);
    answer.resume();
    return readStat(answer);
  } catch (error) {
    if (await isMissing(connection, where, { error, signal })) return undefined;
    throw error;
  }
}

/**
 * The tar of what is at a path (Engine API, ContainerArchive), links not followed, and its stat. The engine locks the container
 * until the stream ends: no second request of this kind before that.
 */
export async function openArchive(
  connection: Connection,
  where: ContainerPath,
  signal: AbortSignal,
): Promise<{ answer: IncomingMessage; stat: PathStat }> {
  const answer = await askArchive(connection, { method: 'GET', ...where }, signal);
  return { answer, stat: readStat(answer) };
}

/** Whether that error says that nothing is there. A path that leads through a file is 500 for the engine. Never rejects. */
export async function isMissing(
  connection: Connection,
  { container, path }: ContainerPath,
  { error, signal }: { error: unknown; signal: AbortSignal },
): Promise<boolean> {
  if (!(error instanceof EngineError)) return false;
  // Symbolic links that lead to each other lead nowhere (moby, pkg/symlink/fs.go; a 500).
  if (error.message.includes('too many links')) return true;
  const above = posix.dirname(posix.resolve('/', path));
  if (error.status === 404 || above === '/') return error.status === 404;
  return statPath(connection, { container, path: above }, signal).then(
    (stat) => stat === undefined || (stat.linkTarget === '' && (stat.mode & DIRECTORY) === 0),
    // Then `error` is what there is to tell.
    () => false,
  );
}

function askArchive(
  connection: Connection,
  { method, container, path }: { method: 'GET' | 'HEAD' } & ContainerPath,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return openStream(connection, {
    method,
    path: `/containers/${container}/archive`,
    query: { path },
    signal,
  });
}

function readStat({ headers }: IncomingMessage): PathStat {
  const text = headers['x-docker-container-path-stat'] as string;
  return JSON.parse(Buffer.from(text, 'base64').toString()) as PathStat;
}
