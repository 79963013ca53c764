import { Failure } from '../model/errors.js';
import { createPump } from '../output/pump.js';
import type { ParsedCommand } from '../request/parse.js';
import { findBuild } from './find-build.js';
import type { Invocation, Services } from './invocation.js';

/** `cancel ID`: ends a build, and returns when nothing of it is left. */
export async function cancel(
  { operands: [id] }: ParsedCommand,
  invocation: Invocation,
  services: Services,
): Promise<number> {
  const build = findBuild(id, invocation, services);
  const { caller, stdout } = invocation;
  const had = build.status.state === 'ended';
  const who = caller.comment || caller.fingerprint;
  await build.cancel(new Failure('CANCELLED', `cancelled by ${who}`));
  await createPump(stdout)(`build ${build.status.id} ${had ? 'had ended already' : 'is cancelled'}\n`);
  return 0;
}
