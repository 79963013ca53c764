import type { IncomingMessage } from 'node:http';
import { posix } from 'node:path';
import { Failure } from '../../model/errors.js';
import type { TreeEntry } from '../../model/tree.js';
import type { StepIO, StreamedEntry } from '../../ports.js';
import { type Connection, connectionFailure, EngineError } from './connection.js';
import { readLinks } from './container-links.js';
import { type ContainerPath, isMissing, openArchive } from './container-path.js';
import { archiveEntries } from './container-tar.js';

/**
 * What is at `path`, as the port's `read`. The further names of hard-linked files, which the tar only mentions, come last. `id` of
 * a file is empty, since nobody knows its content yet. A warning counts what is left out.
 */
export async function* readArchive(
  connection: Connection,
  where: ContainerPath,
  { emit, signal }: { emit?: StepIO['emit']; signal: AbortSignal },
): AsyncGenerator<StreamedEntry> {
  const { container } = where;
  const path = posix.resolve('/', where.path);
  try {
    const { answer, root } = await openFollowing(connection, { container, path }, signal);
    const links = new Map<string, string[]>();
    let special = 0;
    for await (const { below, linkTo, entry, chunks } of archiveEntries(answer, root)) {
      if (linkTo !== undefined) addName(links, linkTo, below);
      else if (below === '' && entry?.type === 'file') {
        yield { entry: { ...entry, path: posix.basename(path) }, chunks };
      } else if (below === '') checkDirectory(entry, path);
      else if (entry === undefined) special++;
      else yield entry.type === 'file' ? { entry, chunks } : { entry };
    }
    if (links.size > 0) yield* readLinks(connection, { container, root, links }, signal);
    if (special > 0)
      await emit?.({
        type: 'warning',
        message: `left out of ${path}: ${special} of its entries, which are pipes or devices`,
      });
  } catch (error) {
    signal.throwIfAborted();
    throw await readFailure(connection, where, { error, signal });
  }
}

/** The tar of `path`, or of what it leads to where it is a symbolic link: `root`. */
async function openFollowing(
  connection: Connection,
  where: ContainerPath,
  signal: AbortSignal,
): Promise<{ answer: IncomingMessage; root: string }> {
  const first = await openArchive(connection, where, signal);
  if (first.stat.linkTarget === '') return { answer: first.answer, root: where.path };
  first.answer.resume();
  const root = posix.resolve('/', first.stat.linkTarget);
  const { answer } = await openArchive(connection, { ...where, path: root }, signal);
  return { answer, root };
}

function addName(links: Map<string, string[]>, file: string, name: string): void {
  const names = links.get(file);
  if (names === undefined) links.set(file, [name]);
  else names.push(name);
}

function checkDirectory(entry: TreeEntry | undefined, path: string): void {
  if (entry?.type === 'directory') return;
  throw new Failure('EXTRACT_NOT_FOUND', `'${path}' is neither a file nor a directory`);
}

async function readFailure(
  connection: Connection,
  where: ContainerPath,
  { error, signal }: { error: unknown; signal: AbortSignal },
): Promise<unknown> {
  if (!(error instanceof EngineError)) return connectionFailure(connection, error);
  if (await isMissing(connection, where, { error, signal })) {
    return new Failure('EXTRACT_NOT_FOUND', `'${where.path}' is not in the container`, { cause: error });
  }
  const message = `the engine does not give ${where.path} (${error.status}): ${error.message}`;
  return new Failure('ENGINE_FAILED', message, { cause: error });
}
