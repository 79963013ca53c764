import { createPump } from '../output/pump.js';
import { usage } from '../request/usage.js';
import type { Invocation } from './invocation.js';

/** `help [COMMAND]` */
export async function help(
  topic: string | undefined,
  { stdout, local }: Invocation,
  exitCode = 0,
): Promise<number> {
  await createPump(stdout)(usage({ topic, local }));
  return exitCode;
}
