import { readFile } from 'node:fs/promises';

/**
 * Clock ticks since boot, field 22 of /proc/PID/stat, proc(5). The second field may hold anything, in
 * parentheses.
 */
export async function startTime(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
