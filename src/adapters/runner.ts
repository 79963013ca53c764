import { randomBytes } from 'node:crypto';
import { access, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories } from './disk.js';
import { dataDirectoryFailure, placeFile } from './place-file.js';
import { announce, ask, isPresent } from './presence.js';

/**
 * A runner's name on what it makes, and who is behind the names that its data directory knows. Another data directory's runners have
 * other names, so nobody sweeps what is not of its own kind.
 */
export type Runner = {
  /** Twelve hexadecimal digits, new for each process. */
  id: string;
  /**
   * Makes it known that this runner lives. Before anything carries its name; safe to call often. Rejects with RUNNER_FAILED, or with
   * what the system says of a full disk.
   */
  register(): Promise<void>;
  /** Whether it has been, by this process. */
  registered(): boolean;
  /** Whether that runner of this data directory lives; a frozen one does, one whose name was forgotten does not. */
  lives(id: string): Promise<boolean>;
  /** Names of runners of this data directory that have ended without taking their name back. */
  dead(): Promise<string[]>;
  /** Nothing carries this name any more. */
  forget(id: string): Promise<void>;
  /** The name of the data directory itself, which all its runners share: sixteen hexadecimal digits. */
  family(): Promise<string>;
  /** What the other runners answer that live and have something to say within `signal`. */
  askOthers(question: string, signal: AbortSignal): Promise<string[]>;
};

const ID = /^[0-9a-f]{12}$/;
/** Milliseconds after which a socket that never got its name is not on its way to it any more. */
const STILLBORN = 60_000;

/** `answer`: what this runner says to others who ask; empty where it has nothing to say. */
export function createRunner(
  dataDirectory: string,
  answer: (question: string) => Promise<string> = async () => '',
): Runner {
  const id = randomBytes(6).toString('hex');
  const directory = join(dataDirectory, 'runners');
  const file = (name: string): string => join(directory, name);
  let registering: Promise<void> | undefined;
  let isRegistered = false;
  let family: Promise<string> | undefined;
  const known = async (): Promise<string[]> =>
    (await readdir(directory).catch(() => [])).filter((name) => ID.test(name) && name !== id);
  return {
    id,
    async register() {
      // Whoever empties the data directory takes the name too, and one without a name passes for dead.
      if (isRegistered && (await exists(file(id)))) return;
      await (registering ??= register(directory, file(id), answer)
        .then(() => void (isRegistered = true))
        .finally(() => (registering = undefined)));
    },
    registered: () => isRegistered,
    lives: (name) => isPresent(file(name)),
    async dead() {
      const names = await known();
      const alive = await Promise.all(names.map((name) => isPresent(file(name))));
      await clearStillborn(directory);
      return names.filter((_, index) => !alive[index]);
    },
    forget: (name) => rm(file(name), { force: true }),
    family: () =>
      (family ??= familyOf(join(dataDirectory, 'family')).catch((error: unknown) => {
        family = undefined; // the next caller tries again
        throw error;
      })),
    async askOthers(question, signal) {
      const answers = await Promise.all(
        (await known()).map((name) => ask(file(name), question, signal).catch(() => '')),
      );
      return answers.filter((text) => text !== '');
    },
  };
}

async function register(
  directory: string,
  file: string,
  answer: (question: string) => Promise<string>,
): Promise<void> {
  try {
    await makeDirectories(directory);
    await announce(file, answer);
  } catch (cause) {
    throw dataDirectoryFailure(cause, `make a socket in '${directory}'`);
  }
}

async function clearStillborn(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const file = join(directory, name);
    if (ID.test(name) || (await isPresent(file))) continue;
    const made = await stat(file).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > STILLBORN) await rm(file, { force: true });
  }
}

async function familyOf(file: string): Promise<string> {
  const read = async (): Promise<string> => (await readFile(file, 'utf8')).trim();
  // Read first: a disk that is full has no room for a file that is there already.
  return await read().catch(async (error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await placeFile(file, randomBytes(8).toString('hex'));
    return await read();
  });
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
