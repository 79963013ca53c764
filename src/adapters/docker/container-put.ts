import { posix } from 'node:path';
import { Failure } from '../../model/errors.js';
import type { Tree } from '../../model/tree.js';
import { type Connection, connectionFailure, EngineError, requestJson } from './connection.js';
import { statPath } from './container-path.js';
import { packTar, writeEntries, writeEntry } from './tar-pack.js';

/** Writes a tree below `path`; what the image has there stays, but for what the tree has itself. */
export async function putTree(
  connection: Connection,
  { container, tree, path }: { container: string; tree: Tree; path: string },
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const directory = posix.resolve('/', path).slice(1);
  // One that is there keeps its mode and owner: an entry for it would change them. Those above it the engine makes itself.
  const exists = directory === '' || (await statPath(connection, { container, path }, signal)) !== undefined;
  const body = packTar(async (pack) => {
    if (!exists) {
      await writeEntry(pack, { type: 'directory', path: directory, mode: 0o755, mtime: seconds() });
    }
    const prefix = directory === '' ? '' : `${directory}/`;
    await writeEntries(pack, tree, { entries: await tree.entries(), prefix });
  });
  try {
    const query = { path: '/' };
    await requestJson(connection, {
      method: 'PUT',
      path: `/containers/${container}/archive`,
      query,
      body,
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw body.errored ?? putFailure(connection, path, error);
  } finally {
    body.destroy();
  }
}

function putFailure(connection: Connection, path: string, error: unknown): unknown {
  if (!(error instanceof EngineError)) return connectionFailure(connection, error);
  const message = `the engine does not take the files for ${path} (${error.status}): ${error.message}`;
  return new Failure('ENGINE_FAILED', message, { cause: error });
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
