import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ownDiskFailure } from './trouble.js';

/** Makes a repository at `directory` where there is none: under another name first, so that no half one is ever found. */
export async function createStore(directory: string, init: (at: string) => Promise<unknown>): Promise<void> {
  if (existsSync(directory)) return;
  const fresh = `${directory}.new-${randomUUID()}`;
  try {
    await mkdir(fresh, { recursive: true, mode: 0o700 });
    await init(fresh);
    await rename(fresh, directory);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (!existsSync(directory)) throw ownDiskFailure(error); // else another process was faster
  }
}

/** Removes it with all that it holds, and what an earlier try left. Renamed first, so that nobody finds a half of it. */
export async function discardStore(directory: string): Promise<void> {
  await rename(directory, `${directory}.old-${randomUUID()}`).catch(() => undefined);
  const leftovers = `${basename(directory)}.`;
  for (const name of await readdir(dirname(directory)).catch(() => [])) {
    if (name.startsWith(leftovers))
      await rm(join(dirname(directory), name), { recursive: true, force: true });
  }
}

/** Tells a repository from one that was made in its place, by whatever runner; empty where there is none. */
export async function storeIdentity(directory: string): Promise<string> {
  const found = await stat(directory, { bigint: true }).catch(() => undefined);
  // The number alone may be in use again.
  return found === undefined ? '' : `${found.ino} ${found.birthtimeNs}`;
}
