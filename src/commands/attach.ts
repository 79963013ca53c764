import { catalogue } from '../model/errors.js';
import { CallerGone } from '../model/caller.js';
import { createPump } from '../output/pump.js';
import type { ParsedCommand } from '../request/parse.js';
import { findBuild } from './find-build.js';
import type { Invocation, Services } from './invocation.js';
import { rendererFor } from './renderer-for.js';

/**
 * `attach ID`: the log of a build from as far back as it is kept, then live, and its verdict as the exit code. Ctrl-C leaves the build
 * alone.
 */
export async function attach(
  { operands: [id], flags }: ParsedCommand,
  invocation: Invocation,
  services: Services,
): Promise<number> {
  const build = findBuild(id, invocation, services);
  const render = rendererFor(flags, invocation);
  const result = await build.follow(render, invocation.signal);
  render[Symbol.dispose]();
  if (result) return result.exitCode;
  if (!(invocation.signal.reason instanceof CallerGone))
    await createPump(invocation.stderr)(`build ${build.status.id} goes on: 'cancel' would end it\n`);
  return catalogue.CANCELLED.exit;
}
