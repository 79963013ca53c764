import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseReference } from '../../model/reference.js';
import { type Connection, isStatus } from './connection.js';
import { addName, imageIdOf, removeName } from './images.js';

/** A name that an image bears for the time of a push: `image` is the engine's id, `before` that of who bore the name until then. */
export type Lending = { name: string; image: string; before: string | undefined };

/** Writes a lending down, before it is made, for whoever sweeps after this runner. The answer takes it back, when it is over. */
export type NoteLending = (lending: Lending) => Promise<() => Promise<void>>;

/**
 * Notes as files of `directory`, made where it is missing. Never rejects: without its note a push works all the same, and a name stays
 * behind only where the runner dies in it.
 */
export function lendingNotes(directory: string | undefined): NoteLending {
  if (directory === undefined) return () => Promise.resolve(() => Promise.resolve());
  return async (lending) => {
    const file = join(directory, randomUUID());
    const write = async () => {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeFile(file, JSON.stringify(lending), { mode: 0o600 });
    };
    await write().catch(() => undefined);
    return () => rm(file, { force: true }).catch(() => undefined);
  };
}

/** Gives a name back that is still lent. Safe twice. */
export async function giveBack(
  connection: Connection,
  { name, image, before }: Lending,
  signal: AbortSignal,
): Promise<void> {
  const bearer = await imageIdOf(connection, name, signal);
  // Somebody may have moved the name since. Nobody bears it where an earlier try got no further than the removal.
  if (bearer !== undefined && bearer !== image) return;
  // Removing first is what also forgets the digest: moving the name away would leave `name@digest`, which keeps the image.
  if (bearer !== undefined) await removeName(connection, name, signal);
  if (before === undefined) return;
  try {
    await addName(connection, { image: before, name: parseReference(name) }, signal);
  } catch (error) {
    // Without its name it may have been pruned: then there is nobody to give it to.
    if (!isStatus(error, 404)) throw error;
  }
}

/** What a runner had lent when it died, each with the file that says so. */
export async function readLendings(directory: string): Promise<{ lending: Lending; file: string }[]> {
  const names = await readdir(directory).catch(() => []);
  const files = names.map((name) => join(directory, name));
  const notes = await Promise.all(
    files.map(async (file) => ({
      file,
      lending: parseLending(await readFile(file, 'utf8').catch(() => '')),
    })),
  );
  return notes.flatMap(({ file, lending }) => (lending === undefined ? [] : [{ file, lending }]));
}

// A note that was being written when the runner died speaks of a lending that was never made.
function parseLending(text: string): Lending | undefined {
  try {
    return JSON.parse(text) as Lending;
  } catch {
    return undefined;
  }
}
