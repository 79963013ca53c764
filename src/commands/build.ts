import { Failure } from '../model/errors.js';
import type { BuildRequest } from '../model/request.js';
import { createPump } from '../output/pump.js';
import type { FlagValues } from '../request/parse.js';
import type { Invocation, Services } from './invocation.js';
import { rendererFor } from './renderer-for.js';
import { shareTerminal } from './share-terminal.js';
import { submit } from './submit.js';

/** `build`: one build, its log live on the caller's streams, its verdict as the exit code. */
export async function build(flags: FlagValues, invocation: Invocation, services: Services): Promise<number> {
  if (flags.one('on-failure') === 'shell' && invocation.terminal === undefined) {
    throw new Failure('USAGE', "--on-failure 'shell' needs a terminal", { hint: 'connect with ssh -t' });
  }
  const show = (request: BuildRequest) => {
    const render = rendererFor(flags, invocation);
    const { onDisconnect, onFailure } = request.policy;
    if (onDisconnect.kind !== 'cancel') void introduce(request, invocation);
    return onFailure === 'shell' ? shareTerminal(render, invocation) : { render };
  };
  return submit({ flags, goal: 'build', show }, invocation, services);
}

/** Who may come back to a build has to know its name from the start. */
function introduce({ id }: BuildRequest, { stderr }: Invocation): void | Promise<void> {
  return createPump(stderr)(`build ${id}: 'attach ${id}' comes back to it, 'cancel ${id}' ends it\n`);
}
