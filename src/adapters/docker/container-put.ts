import { posix } from 'node:path';
import { Failure } from '../../model/errors.js';
import type { DirectoryEntry, Tree } from '../../model/tree.js';
import { type Connection, connectionFailure, EngineError, requestJson } from './connection.js';
import { ownerOf } from './container-owner.js';
import { type ContainerPath, statPath } from './container-path.js';
import { type Owner, packTar, writeEntries, writeEntry } from './tar-pack.js';

type Put = {
  container: string;
  tree: Tree;
  path: string;
  /** Directories that belong to the owner as well. */
  caches: readonly string[];
};

/** Writes a tree below `path`, for the container's own user; what the image has there stays, but for what the tree has itself. */
export async function putTree(
  connection: Connection,
  { container, tree, path, caches }: Put,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const owner = await ownerOf(connection, container, signal);
  const directories: DirectoryEntry[] = [];
  for (const place of owner === undefined ? [path] : [path, ...caches]) {
    const entry = await entryOf(connection, { container, path: place }, { owner, signal });
    if (entry) directories.push(entry);
  }
  const directory = posix.resolve('/', path).slice(1);
  const body = packTar(async (pack) => {
    for (const entry of directories) await writeEntry(pack, { ...entry, ...(owner && { owner }) });
    const prefix = directory === '' ? '' : `${directory}/`;
    await writeEntries(pack, tree, { entries: await tree.entries(), prefix, ...(owner && { owner }) });
  });
  try {
    const query = { path: '/' };
    await requestJson(connection, {
      method: 'PUT',
      path: `/containers/${container}/archive`,
      query,
      body,
      signal,
      patient: true,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw body.errored ?? putFailure(connection, path, error);
  } finally {
    body.destroy();
  }
}

// One that is there keeps its mode, and for root its owner too: an entry for it would change them. Those above it the engine makes itself.
async function entryOf(
  connection: Connection,
  where: ContainerPath,
  { owner, signal }: { owner: Owner | undefined; signal: AbortSignal },
): Promise<DirectoryEntry | undefined> {
  const path = posix.resolve('/', where.path).slice(1);
  if (path === '') return undefined;
  const stat = await statPath(connection, where, signal);
  if (stat && (owner === undefined || stat.linkTarget !== '')) return undefined;
  return { type: 'directory', path, mode: stat ? stat.mode & 0o777 : 0o755, mtime: seconds() };
}

function putFailure(connection: Connection, path: string, error: unknown): unknown {
  if (!(error instanceof EngineError)) return connectionFailure(connection, error);
  const message = `the engine does not take the files for ${path} (${error.status}): ${error.message}`;
  return new Failure('ENGINE_FAILED', message, { cause: error });
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
