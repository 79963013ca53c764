import { randomUUID } from 'node:crypto';
import { link, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure, isOutOfSpace } from '../model/errors.js';
import { makeDirectories } from './disk.js';

/** Makes a private file with its whole text, unless somebody was faster: then that one stays. */
export async function placeFile(file: string, text: string): Promise<void> {
  await makeDirectories(dirname(file));
  const fresh = `${file}.${randomUUID()}`;
  try {
    await writeFile(fresh, text, { mode: 0o600, flag: 'wx' });
    // Unlike a rename it replaces nothing.
    await link(fresh, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(fresh, { force: true });
  }
}

/** What a caller is told when the data directory cannot be written, or `what` cannot be done; that its disk is full speaks for itself. */
export function dataDirectoryFailure(cause: unknown, what = 'write to its data directory'): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === undefined || isOutOfSpace(cause)) return cause;
  return new Failure('RUNNER_FAILED', `the runner cannot ${what} (${code})`, { transient: true, cause });
}
