import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { startTime } from './start-time.js';

/**
 * A runner's name on what it makes in the engine, and who is behind the names that its data directory knows. Another runner's data
 * directory has other names, so nobody sweeps what is not of its own kind.
 */
export type Runner = {
  /** Twelve hexadecimal digits, new for each process. */
  id: string;
  /** Writes the name down. Before anything carries it; safe to call often. */
  register(): Promise<void>;
  /** Whether it has been, by this process. */
  registered(): boolean;
  /** Names of runners of this data directory that have ended without taking their name back. */
  dead(): Promise<string[]>;
  /** Nothing carries this name any more. */
  forget(id: string): Promise<void>;
};

export function createRunner(dataDirectory: string): Runner {
  const id = randomBytes(6).toString('hex');
  const directory = join(dataDirectory, 'runners');
  let registration: Promise<void> | undefined;
  return {
    id,
    register: () => (registration ??= register(directory, id)),
    registered: () => registration !== undefined,
    async dead() {
      const names = await readdir(directory).catch(() => []);
      const ended = await Promise.all(names.map((name) => hasEnded(join(directory, name))));
      return names.filter((name, index) => name !== id && ended[index]);
    },
    forget: (name) => rm(join(directory, name), { force: true }),
  };
}

async function register(directory: string, id: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, id), await describeProcess(process.pid), { mode: 0o600 });
}

async function describeProcess(pid: number): Promise<string> {
  return `${hostname()} ${pid} ${await startTime(pid)}`;
}

// A container has a host name of its own. One of another name on this data directory was this one's predecessor: a data directory has one
// host at a time.
async function hasEnded(file: string): Promise<boolean> {
  const [host, pid, start] = (await readFile(file, 'utf8').catch(() => '')).split(' ');
  if (host !== hostname()) return true;
  return (await startTime(Number(pid)).catch(() => undefined)) !== start;
}
