import { readFile, writeFile } from 'node:fs/promises';

/** CPU seconds since the process began. */
export type Cpu = { own: number; children: number };

/** proc(5), fields 14 to 17 of stat: in ticks of 10 ms. `children`: those that have ended. */
export async function cpuOf(pid: number): Promise<Cpu> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system, childrenUser, childrenSystem] = fields
    .slice(11, 15)
    .map((ticks) => Number(ticks) / 100);
  return { own: user! + system!, children: childrenUser! + childrenSystem! };
}

/** From here on `peakMemory` is about what comes, proc(5): clear_refs. */
export async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}

/** The most that was resident, in bytes. */
export async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) * 1024;
}
