import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import type { Locks } from '../../ports.js';
import { removeContainer } from './container-removal.js';
import { type Connection, connect, requestJson } from './connection.js';
import { removeName } from './images.js';
import { forget, giveBack, isThere, type Lending, readLendings } from './lendings.js';
import { nameKey } from './name-lock.js';
import { podsOf, removePod } from './podman-pod.js';
import { RUNNER_LABEL } from './container-body.js';

/** Private names of images begin like this, followed by the runner's own name. */
const PRIVATE = 'buildbot-build';

/** What Podman puts before a name without a registry. */
const PODMAN_PREFIX = /^(?:localhost|docker\.io\/library)\//;

/** Milliseconds that the engine has for it: a runner starts also where the engine does not answer. */
export const PATIENCE = 20_000;

export type SweepOptions = {
  /** Holds a directory for each runner: the names that it had lent (`createDockerEngine`). */
  lendings?: string;
  /** Those that builds take turns at names with. */
  locks?: Pick<Locks, 'take'>;
  connection?: Docker.DockerOptions;
  /** Hears of each thing that could not be removed; the rest is. */
  onTrouble?: (error: unknown) => void;
};

/**
 * Removes containers and private image names that the runners `dead` have left. `clean`: those of whom nothing is left. Rejects with
 * ENGINE_UNREACHABLE.
 */
export async function sweepEngine(
  dead: readonly string[],
  { connection: where, lendings, locks, onTrouble = () => undefined }: SweepOptions = {},
): Promise<{ containers: number; images: number; clean: string[] }> {
  const connection = connect(where);
  const signal = AbortSignal.timeout(PATIENCE);
  const swept = { containers: 0, images: 0, clean: [] as string[] };
  for (const runner of dead) {
    const lent = lendings === undefined ? undefined : join(lendings, runner);
    const left = await leftBy({ runner, lent, locks }, connection, signal);
    // A pod of Podman's counts as the container that it is.
    const containers = await removeEach([...left.containers, ...left.pods], onTrouble);
    const images = await removeEach(left.images, onTrouble);
    swept.containers += containers;
    swept.images += images;
    if (containers === left.containers.length + left.pods.length && images === left.images.length) {
      if (lent !== undefined) await rm(lent, { recursive: true, force: true });
      swept.clean.push(runner);
    }
  }
  return swept;
}

type Task = () => Promise<void>;

/** What a runner has left: for each thing, how it is removed. */
async function leftBy(
  { runner, lent, locks }: { runner: string; lent: string | undefined; locks: SweepOptions['locks'] },
  connection: Connection,
  signal: AbortSignal,
): Promise<{ containers: Task[]; pods: Task[]; images: Task[] }> {
  const containers = await containersOf(runner, connection, signal);
  const pods = await podsOf(connection, `${PRIVATE}:${runner}`, signal);
  const images = await imagesOf(runner, connection, signal);
  const names = lent === undefined ? [] : await readLendings(lent);
  return {
    containers: containers.map((id) => () => removeContainer(connection, id)),
    pods: pods.map((name) => () => removePod(connection, name)),
    images: [
      ...names.map((note) => async () => {
        await using _turn = await turnAt(note.lending, locks);
        // Whoever had its turn before may have settled it.
        if (!(await isThere(note.file))) return;
        await giveBack(connection, note.lending, signal);
        await forget(note.file);
      }),
      ...images.map((name) => () => removeName(connection, name, signal)),
    ],
  };
}

/** Waits for nobody: a build that has the name settles it, and the next sweep sees that. */
async function turnAt({ name }: Lending, locks: SweepOptions['locks']): Promise<AsyncDisposable | undefined> {
  const turn = await locks?.take(nameKey(name));
  if (locks !== undefined && turn === undefined) throw new Error(`${name} is in use by a build`);
  return turn;
}

/** Says how many are gone. */
async function removeEach(removals: readonly Task[], onTrouble: (error: unknown) => void): Promise<number> {
  let removed = 0;
  for (const remove of removals) {
    await remove().then(() => removed++, onTrouble);
  }
  return removed;
}

async function containersOf(runner: string, connection: Connection, signal: AbortSignal): Promise<string[]> {
  const query = { all: true, filters: JSON.stringify({ label: [`${RUNNER_LABEL}=${runner}`] }) };
  const list = await requestJson<{ Id: string }[]>(connection, {
    method: 'GET',
    path: '/containers/json',
    query,
    signal,
  });
  return list.map(({ Id }) => Id);
}

async function imagesOf(runner: string, connection: Connection, signal: AbortSignal): Promise<string[]> {
  const query = { filters: JSON.stringify({ reference: [`${PRIVATE}:${runner}-*`] }) };
  const list = await requestJson<{ RepoTags: string[] | null }[]>(connection, {
    method: 'GET',
    path: '/images/json',
    query,
    signal,
  });
  return list
    .flatMap(({ RepoTags }) => RepoTags ?? [])
    .filter((name) => name.replace(PODMAN_PREFIX, '').startsWith(`${PRIVATE}:${runner}-`));
}
