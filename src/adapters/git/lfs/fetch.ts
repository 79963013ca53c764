import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../../model/errors.js';
import { parseRepositoryUrl, type RepositoryUrl } from '../../../model/repository.js';
import { classifyLfs } from '../classify.js';
import { parseConfigFile } from '../config-file.js';
import type { Remote } from '../remote.js';
import type { Pointer } from './pointer.js';
import { createPointerRepository, writePointerTree } from './repository.js';
import type { LargeObjects } from './store.js';

/** A file of the tree that is kept in LFS; `blob` is the pointer file. */
export type LargeFile = Pointer & { path: string; blob: string };

export type LargeFileAccess = {
  repository: RepositoryUrl;
  objects: LargeObjects;
  /** One after another, what changes the objects of this repository. */
  alone: <T>(signal: AbortSignal, task: () => Promise<T>) => Promise<T>;
  /** The LFS server as this caller sees it; without a URL the repository's own. Throws for a URL that is not accepted. */
  remoteOf: (url?: RepositoryUrl) => Promise<Remote>;
  scratch: string;
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
};

/** Where the pointers of a commit are, and what its .lfsconfig says. */
export type PointerSource = { directory: string; sha256: boolean; lfsConfig: string | undefined };

/**
 * Brings the objects of `files` into the store, all that are missing in one go. The caller was accepted by the
 * repository before. Rejects with a Failure of exit 3 that names a file.
 */
export async function fetchLargeFiles(
  files: readonly LargeFile[],
  source: PointerSource,
  access: LargeFileAccess,
): Promise<void> {
  const { objects, alone, signal } = access;
  if ((await missing(files, objects)).length === 0) return;
  await alone(signal, async () => {
    // Somebody may have fetched them while this caller waited for its turn.
    const wanted = await missing(files, objects);
    if (wanted[0] === undefined) return;
    const said = await fetchMissing(wanted, source, access);
    const [lost] = await missing(wanted, objects);
    if (lost !== undefined) throw await unavailable(lost, access.repository, said);
  });
}

async function missing(files: readonly LargeFile[], objects: LargeObjects): Promise<LargeFile[]> {
  const lost: LargeFile[] = [];
  for (const file of files) if (!(await objects.has(file))) lost.push(file);
  return lost;
}

async function fetchMissing(
  files: readonly LargeFile[],
  { directory: blobs, sha256, lfsConfig }: PointerSource,
  access: LargeFileAccess,
): Promise<{ stderr: string; remote: Remote }> {
  const { repository, objects, environment, signal, scratch } = access;
  const { lfsUrl, remote } = await lfsRemote(lfsConfig, files[0]!, access);
  const directory = await mkdtemp(join(scratch, 'lfs-'));
  try {
    const storage = objects.directory;
    await createPointerRepository({ directory, blobs, url: repository.url, lfsUrl, storage, sha256 });
    const pointers = new Map(files.map(({ oid, blob }) => [oid, blob]));
    const tree = await writePointerTree(directory, pointers, { environment, signal });
    const { stderr } = await remote.fetchLarge(directory, tree);
    return { stderr, remote };
  } finally {
    await rm(directory, { recursive: true, force: true });
    await objects.tidy();
  }
}

/**
 * git-lfs-config(5): lfs.url in .lfsconfig goes before what follows from the repository's URL. It is as hostile as
 * any URL, and its host is not the one to which the caller's token belongs.
 */
async function lfsRemote(
  text: string | undefined,
  { path }: LargeFile,
  { environment, scratch, signal, remoteOf }: LargeFileAccess,
): Promise<{ lfsUrl: string | undefined; remote: Remote }> {
  const pairs = await parseConfigFile(text ?? '', { environment, directory: scratch, signal });
  if (typeof pairs === 'string') throw refusedConfig(path, pairs);
  const values = new Map(pairs);
  const lfsUrl = values.get('lfs.url') ?? values.get('remote.origin.lfsurl');
  if (lfsUrl === undefined) return { lfsUrl, remote: await remoteOf() };
  try {
    return { lfsUrl, remote: await remoteOf(parseRepositoryUrl(lfsUrl, 'lfs.url')) };
  } catch (error) {
    throw error instanceof Failure ? refusedConfig(path, error.message) : error;
  }
}

function refusedConfig(path: string, why: string): Failure {
  return new Failure('SOURCE_FAILED', `'${path}' is kept in Git LFS, and .lfsconfig cannot be used: ${why}`, {
    hint: LEAVE_POINTERS,
  });
}

async function unavailable(
  { path, oid }: LargeFile,
  { display }: RepositoryUrl,
  { stderr, remote }: { stderr: string; remote: Remote },
): Promise<Failure> {
  await remote.log(stderr);
  const { code, what, transient } = classifyLfs(stderr, oid);
  const message = `${display}: '${path}' is kept in Git LFS, and its content cannot be had: ${what}`;
  return new Failure(code, message, { hint: LEAVE_POINTERS, transient: transient ?? false, cause: stderr });
}

const LEAVE_POINTERS = '--lfs no leaves the pointer files as they are';
