import { cpuOf, forgetPeak, peakMemory } from '../process.js';
import type { Runner } from '../runner.js';
import type { Sample } from './sample.js';

/** Does something, and tells what it took of a runner. */
export async function observe<T>(
  runner: Runner | undefined,
  act: () => Promise<T>,
): Promise<{ value: T; runner?: NonNullable<Sample['runner']> }> {
  if (!runner) return { value: await act() };
  await forgetPeak(runner.pid);
  const before = await cpuOf(runner.pid);
  const value = await act();
  const after = await cpuOf(runner.pid);
  const cpu = { own: after.own - before.own, children: after.children - before.children };
  return { value, runner: { cpu, peakBytes: await peakMemory(runner.pid) } };
}
