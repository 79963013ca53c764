import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, readFile, rm, statfs } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Workspaces } from '../ports.js';

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
      await mkdir(scratch, { recursive: true, mode: 0o700 });
      const name = `${await self}${build}-`;
      const [directory, disk] = [await mkdtemp(join(await root, name)), await mkdtemp(join(scratch, name))];
      const dispose = async () => {
        for (const path of [directory, disk]) await rm(path, { recursive: true, force: true });
      };
      return { directory, scratch: disk, [Symbol.asyncDispose]: dispose };
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

/**
 * Clock ticks since boot, field 22 of /proc/PID/stat, proc(5). The second field may hold anything, in
 * parentheses.
 */
async function startTime(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
