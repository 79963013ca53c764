import { randomUUID } from 'node:crypto';
import { access, mkdir, readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseReference } from '../../model/reference.js';
import { type Connection, isStatus } from './connection.js';
import { addName, imageIdOf, removeName } from './images.js';
import { nameKey } from './name-lock.js';

/** A name that an image bears for the time of a push: `image` is the engine's id, `before` that of who bore the name until then. */
export type Lending = { name: string; image: string; before: string | undefined };

/** `forget` it when the lending is over. `stands`: nobody else has done that, so the name is still lent as far as is known. */
type Note = { forget(): Promise<void>; stands(): Promise<boolean> };

/** A lending with the file that says so. */
type Written = { lending: Lending; file: string };

/** What is written down of lent names, by all runners of a data directory. None of it rejects. */
export type LendingNotes = {
  /** Before a lending is made, for whoever comes after this runner. Without its note a push works all the same. */
  write(lending: Lending): Promise<Note>;
  /** What runners did not give back of a name, having died or being in debt. Only for who has the name's lock. */
  left(name: string): Promise<Written[]>;
};

/** Notes as files of a directory for each runner below `directory`, made where it is missing. */
export function lendingNotes(place: { directory: string; runner: string } | undefined): LendingNotes {
  const unwritten: Note = { forget: async () => undefined, stands: async () => true };
  if (place === undefined) return { write: async () => unwritten, left: async () => [] };
  const { directory, runner } = place;
  const own = join(directory, runner);
  return {
    async write(lending) {
      const file = join(own, `${nameKey(lending.name)}-${randomUUID()}`);
      try {
        await mkdir(own, { recursive: true, mode: 0o700 });
        await writeFile(file, JSON.stringify(lending), { mode: 0o600 });
      } catch {
        return unwritten;
      }
      return { forget: () => forget(file), stands: () => isThere(file) };
    },
    async left(name) {
      const runners = await readdir(directory).catch(() => []);
      const notes = await Promise.all(runners.map((id) => readLendings(join(directory, id), nameKey(name))));
      return notes.flat();
    },
  };
}

export async function forget(file: string): Promise<void> {
  await unlink(file).catch(() => undefined);
}

export async function isThere(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

/** Which image somebody has just seen to bear a name; undefined: none. */
export type Seen = { bearer: string | undefined };

/** Gives a name back that is still lent. Safe twice. Who bears it is asked where it was not `seen`. */
export async function giveBack(
  connection: Connection,
  { name, image, before, seen }: Lending & { seen?: Seen | undefined },
  signal: AbortSignal,
): Promise<void> {
  const { bearer } = seen ?? { bearer: await imageIdOf(connection, name, signal) };
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

/** What a runner has lent; `start`: only notes that are called so. */
export async function readLendings(directory: string, start = ''): Promise<Written[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.startsWith(start));
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
