import { constants } from 'node:fs';
import { access, mkdtemp, readdir, readlink, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Workspaces } from '../ports.js';
import { makeDirectories } from './disk.js';
import { dataDirectoryFailure } from './place-file.js';
import type { Runner } from './runner.js';
import { startTime } from './start-time.js';

const MEMORY = '/dev/shm';
/** f_type of a tmpfs, statfs(2). */
const TMPFS_MAGIC = 0x01021994;

export type WorkspaceOptions = {
  prefix?: string;
  /** Directory on disk for what may be large; made where it is missing. */
  scratch?: string;
  /** Whose workspaces these are. */
  runner: Pick<Runner, 'id' | 'lives' | 'dead'>;
};

/**
 * Workspaces `PREFIX-UID-PID-STARTTIME-NAMESPACE-RUNNER-BUILD-RANDOM`, in memory where the system has a tmpfs for that, else where
 * temporary files go. The name tells whose they are, so that a later runner finds what a dead one left.
 */
export function createWorkspaces({
  prefix = 'buildbot',
  scratch = tmpdir(),
  runner,
}: WorkspaceOptions): Workspaces {
  const root = memoryOrDisk();
  const ours = `${prefix}-${process.getuid?.() ?? 0}-`;
  const self = describeProcess().then((described) => `${ours}${described}-${runner.id}-`);
  return {
    async create(build) {
      const name = `${await self}${build}-`;
      const directory = await makeDirectory(await root, name);
      try {
        const disk = await makeDirectory(scratch, name);
        return { directory, scratch: disk, [Symbol.asyncDispose]: () => removeAll([directory, disk]) };
      } catch (error) {
        await removeAll([directory]);
        throw error;
      }
    },
    async sweep() {
      const dead = await runner.dead();
      const common = new Set([MEMORY, tmpdir()]);
      for (const directory of common) await sweep(directory, ours, (owner) => isLeft(owner, dead));
      // In the data directory, so all whose it is are known to it.
      if (!common.has(scratch))
        await sweep(scratch, ours, async (owner) => !(await runner.lives(owner.runner)));
    },
  };
}

async function makeDirectory(parent: string, name: string): Promise<string> {
  try {
    await makeDirectories(parent);
    return await mkdtemp(join(parent, name));
  } catch (cause) {
    throw dataDirectoryFailure(cause, `write below '${parent}'`);
  }
}

// All of them, also where one cannot be removed: what is left is swept at the next start.
async function removeAll(directories: readonly string[]): Promise<void> {
  await Promise.allSettled(directories.map((path) => rm(path, { recursive: true, force: true })));
}

async function memoryOrDisk(): Promise<string> {
  try {
    await access(MEMORY, constants.W_OK | constants.X_OK);
    if ((await statfs(MEMORY)).type === TMPFS_MAGIC) return MEMORY;
  } catch {
    // there is none
  }
  return tmpdir();
}

/** Process, start time and PID namespace: an id means another process in another container. */
async function describeProcess(): Promise<string> {
  return `${process.pid}-${await startTime(process.pid)}-${await pidNamespace()}`;
}

/** Its inode, pid_namespaces(7). */
async function pidNamespace(): Promise<string> {
  return /\d+/.exec(await readlink('/proc/self/ns/pid').catch(() => ''))?.[0] ?? '0';
}

type Owner = { pid: number; start: string; namespace: string; runner: string };

async function sweep(
  directory: string,
  ours: string,
  isLeft: (owner: Owner) => Promise<boolean>,
): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const owner = name.startsWith(ours) && ownerOf(name.slice(ours.length));
    if (owner && (await isLeft(owner))) await rm(join(directory, name), { recursive: true, force: true });
  }
}

function ownerOf(rest: string): Owner | undefined {
  const [, pid, start = '', namespace = '', runner = ''] =
    /^(\d+)-(\d+)-(\d+)-([0-9a-f]{12})-/.exec(rest) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), start, namespace, runner };
}

/**
 * In places that runners of several data directories share. Of a process in a namespace of its own one cannot see whether it has ended; then
 * it must be known as dead.
 */
async function isLeft({ pid, start, namespace, runner }: Owner, dead: readonly string[]): Promise<boolean> {
  if (namespace !== (await pidNamespace())) return dead.includes(runner);
  return (await startTime(pid).catch(() => undefined)) !== start;
}
