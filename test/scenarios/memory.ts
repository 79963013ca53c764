import { readFile } from 'node:fs/promises';
import type { Runner } from './runner.js';

/**
 * Bytes by which no build may make a runner grow, whatever passes through it: of 150 MiB in all, those that a runner at rest does not take
 * with Node 20. The image has Node 24, whose collector lets more garbage lie: measured up to 66 MiB.
 */
export const MOST_GROWTH = (process.env['LAB_IMAGE'] ? 80 : 64) * 2 ** 20;

/** Bytes, the most that a process ever had (VmHWM, proc(5)). */
export async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) * 1024;
}

/** Bytes by which the runner's peak is above what it had when it was ready. */
export async function growth({ pid, atRest }: Runner): Promise<number> {
  return (await peakMemory(pid)) - atRest;
}
