import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../model/errors.js';
import type { Workspaces } from '../ports.js';
import { startTime } from './start-time.js';

const MEMORY = '/dev/shm';
/** f_type of a tmpfs, statfs(2). */
const TMPFS_MAGIC = 0x01021994;

export type WorkspaceOptions = {
  prefix?: string;
  /** Directory on disk for what may be large; made where it is missing. */
  scratch?: string;
};

/**
 * Workspaces `PREFIX-UID-PID-STARTTIME-BUILD-RANDOM`, in memory where the system has a tmpfs for that, else
 * where temporary files go. The name tells whose they are, so that a later runner finds what a dead one left.
 */
export function createWorkspaces({
  prefix = 'buildbot',
  scratch = tmpdir(),
}: WorkspaceOptions = {}): Workspaces {
  const root = memoryOrDisk();
  const ours = `${prefix}-${userInfo().uid}-`;
  const self = startTime(process.pid).then((start) => `${ours}${process.pid}-${start}-`);
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
      for (const directory of new Set([MEMORY, tmpdir(), scratch])) {
        for (const name of await readdir(directory).catch(() => [])) {
          if (name.startsWith(ours) && (await isLeft(name.slice(ours.length)))) {
            await rm(join(directory, name), { recursive: true, force: true });
          }
        }
      }
    },
  };
}

async function makeDirectory(parent: string, name: string): Promise<string> {
  try {
    await mkdir(parent, { recursive: true, mode: 0o700 });
    return await mkdtemp(join(parent, name));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Failure('CONFIG_INVALID', `the runner cannot write below '${parent}' (${code})`, { cause });
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

/**
 * Whether the process that `PID-STARTTIME-…` speaks of has ended. A process id alone may be somebody else's
 * by now.
 */
async function isLeft(rest: string): Promise<boolean> {
  const [, pid, start] = /^(\d+)-(\d+)-/.exec(rest) ?? [];
  return pid !== undefined && (await startTime(Number(pid)).catch(() => undefined)) !== start;
}
