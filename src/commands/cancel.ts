import { catalogue, Failure } from '../model/errors.js';
import { createPump } from '../output/pump.js';
import type { ParsedCommand } from '../request/parse.js';
import { findBuild } from './find-build.js';
import type { Invocation, Services } from './invocation.js';

/** `cancel ID`: ends a build, and returns when nothing of it is left. */
export async function cancel(
  { operands: [name] }: ParsedCommand,
  invocation: Invocation,
  services: Services,
): Promise<number> {
  const build = findBuild(name, invocation, services);
  const { caller, stdout } = invocation;
  const { id, state } = build.status;
  const who = caller.comment || caller.fingerprint;
  await build.cancel(new Failure('CANCELLED', `cancelled by ${who}`));
  const { exitCode } = build.status;
  const outcome =
    state === 'ended' || exitCode !== catalogue.CANCELLED.exit
      ? `had ended already, with exit code ${exitCode}`
      : 'is cancelled';
  await createPump(stdout)(`build ${id} ${outcome}\n`);
  return 0;
}
