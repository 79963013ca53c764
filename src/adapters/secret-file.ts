import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

const LENGTH = 32;

/**
 * 32 random bytes that stay in `file` (0600), made where there are none. Safe when several runners start on one directory: the first
 * one's stay. Where they cannot be kept, the next call gives others: they are for what may be lost.
 */
export async function loadSecret(file: string): Promise<Buffer> {
  const found = await readSecret(file);
  if (found !== undefined) return found;
  const fresh = randomBytes(LENGTH);
  const temporary = `${file}.new-${randomBytes(8).toString('hex')}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await rm(file, { force: true }); // one that is damaged
    await writeFile(temporary, fresh, { mode: 0o600, flag: 'wx', flush: true });
    // Unlike a rename, a link never replaces what a faster one has put there.
    await link(temporary, file);
  } catch {
    return (await readSecret(file)) ?? fresh;
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
  return fresh;
}

async function readSecret(file: string): Promise<Buffer | undefined> {
  const bytes = await readFile(file).catch(() => undefined);
  return bytes?.length === LENGTH ? bytes : undefined;
}
