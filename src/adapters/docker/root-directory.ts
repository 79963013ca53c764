import { stat } from 'node:fs/promises';
import { type Connection, requestJson } from './connection.js';
import { withDeadline } from './deadline.js';

/** Milliseconds that the engine has to say it, and for which an answer that did not come is not asked for again. */
const [PATIENCE, PAUSE] = [2_000, 60_000];

/**
 * Where the engine keeps images, volumes and its build cache, if that can be looked at from here: behind a socket file, where there is such
 * a directory. The engine is asked once; undefined also where it does not answer.
 */
export function findRootDirectory(connection: Connection): () => Promise<string | undefined> {
  let asked: Promise<string | undefined> | undefined;
  return () =>
    (asked ??= askForIt(connection).catch(() => {
      setTimeout(() => (asked = undefined), PAUSE).unref();
      return undefined;
    }));
}

async function askForIt(connection: Connection): Promise<string | undefined> {
  const { socketPath } = connection as { socketPath?: unknown };
  if (socketPath === undefined) return undefined;
  const { DockerRootDir } = await withDeadline(connection, { ms: PATIENCE }, (signal) =>
    requestJson<{ DockerRootDir?: string }>(connection, { method: 'GET', path: '/info', signal }),
  );
  if (!DockerRootDir) return undefined;
  return await stat(DockerRootDir).then(
    () => DockerRootDir,
    () => undefined,
  );
}
