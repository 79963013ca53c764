import { Failure, type FailureCode } from '../model/errors.js';
import { formatMemory } from '../model/quantity.js';

/** How a container's command ended: its exit code, and whether it was killed for the memory that it took (`limit` in bytes). */
export type Exit = { exitCode: number; outOfMemory?: { limit?: number } };

/** Throws a Failure that says how `what` ended, unless it ended well. */
export function checkExit(
  code: FailureCode,
  what: string,
  { exitCode, outOfMemory, hint }: Exit & { hint?: string },
): void {
  if (exitCode === 0) return;
  const limit = outOfMemory?.limit === undefined ? '' : `, limit ${formatMemory(outOfMemory.limit)}`;
  const why = outOfMemory ? `was killed: out of memory${limit}` : `exited with ${exitCode}`;
  throw new Failure(code, `${what} ${why}`, {
    commandExitCode: exitCode,
    ...(hint !== undefined && { hint }),
  });
}
