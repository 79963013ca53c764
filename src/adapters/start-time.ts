import { readFile } from 'node:fs/promises';

/**
 * Clock ticks since boot, field 22 of /proc/PID/stat, proc(5). The second field may hold anything, in
 * parentheses. Rejects for a process that is none any more, also where only nobody has asked how it ended (states Z and X).
 */
export async function startTime(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') throw new Error(`process ${pid} has ended`);
  return fields[19] ?? '';
}
