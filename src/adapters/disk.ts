import { constants } from 'node:fs';
import { access, lstat, mkdir, readdir, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Bytes that all below `path` takes on the disk, as du(1) counts them. What disappears meanwhile counts nothing. */
export async function diskUsage(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return 0;
  let bytes = found.blocks * 512;
  if (!found.isDirectory()) return bytes;
  for (const name of await readdir(path).catch(() => [])) bytes += await diskUsage(join(path, name));
  return bytes;
}

/** Bytes. */
export type Space = { free: number; total: number };

/** Of the file system on which `path` lies; undefined where there is no such path. `free`: for whoever is not root, as df(1) has it. */
export async function spaceAt(path: string): Promise<Space | undefined> {
  const found = await statfs(path).catch(() => undefined);
  return found && { free: found.bavail * found.bsize, total: found.blocks * found.bsize };
}

/** Why nothing can be written in a directory (EROFS, EACCES), where that is so. */
export async function writeFault(path: string): Promise<string | undefined> {
  return await access(path, constants.W_OK | constants.X_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
}

/** Makes a private directory, and those above it. Node says ENOENT of one on a read-only disk; this says what the system does. */
export async function makeDirectories(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') await checkWritable(dirname(path));
    throw error;
  }
}

async function checkWritable(path: string): Promise<void> {
  await access(path, constants.W_OK | constants.X_OK).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' || dirname(path) === path) throw error;
    await checkWritable(dirname(path));
  });
}

/** Whether two paths lie on one file system. */
export async function areOnOneDisk(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => stat(path).catch(() => undefined)));
  return a !== undefined && a.dev === b?.dev;
}
