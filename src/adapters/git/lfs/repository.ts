import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../../vcs/command.js';

export type PointerRepository = {
  /** Where to make it. */
  directory: string;
  /** The git directory that holds the pointers' blobs. */
  blobs: string;
  /** Where git-lfs fetches from: the repository's URL, from which it derives that of LFS, unless there is `lfsUrl`. */
  url: string;
  lfsUrl: string | undefined;
  storage: string;
  sha256: boolean;
};

/**
 * Makes a bare repository that borrows the objects of another one and has a configuration of ours alone: git-lfs
 * reads configuration from what it finds, and writes to it.
 */
export async function createPointerRepository(settings: PointerRepository): Promise<void> {
  const { directory, blobs, url, lfsUrl, storage, sha256 } = settings;
  await mkdir(join(directory, 'objects/info'), { recursive: true });
  await mkdir(join(directory, 'refs'));
  // Not lfs.storage: for a file:// URL git-lfs takes that for the place of the other side's objects too.
  await mkdir(storage, { recursive: true });
  await symlink(storage, join(directory, 'lfs'));
  await writeFile(join(directory, 'HEAD'), 'ref: refs/heads/none\n');
  await writeFile(join(directory, 'objects/info/alternates'), `${join(blobs, 'objects')}\n`);
  const lines = [
    '[core]',
    `repositoryFormatVersion = ${sha256 ? 1 : 0}`,
    'bare = true',
    ...(sha256 ? ['[extensions]', 'objectFormat = sha256'] : []),
    '[remote "origin"]',
    `url = ${quote(url)}`,
    ...(lfsUrl === undefined ? [] : ['[lfs]', `url = ${quote(lfsUrl)}`]),
  ];
  await writeFile(join(directory, 'config'), `${lines.join('\n')}\n`);
}

/** Writes a tree of these blobs alone, and gives its id: git-lfs fetches what the pointers in it point to. */
export async function writePointerTree(
  directory: string,
  blobs: ReadonlyMap<string, string>,
  { environment, signal }: { environment: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<string> {
  const { code, stdout, stderr } = await runProgram(['git', 'mktree', '-z'], {
    environment: { ...environment, GIT_DIR: directory },
    directory,
    signal,
    input: [...blobs].map(([name, id]) => `100644 blob ${id}\t${name}\0`).join(''),
  });
  if (code !== 0) throw new Error(`git mktree: ${stderr}`);
  return stdout.trim();
}

function quote(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}
