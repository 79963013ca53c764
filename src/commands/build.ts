import { Failure } from '../model/errors.js';
import type { BuildRequest } from '../model/request.js';
import type { Rights } from '../model/rights.js';
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
function introduce({ id }: BuildRequest, { stderr, caller, local }: Invocation): void | Promise<void> {
  const { forced, commands }: Rights = caller.rights;
  // A build of the command line ends with its process.
  const open = COME_BACK.filter(
    (name) => !local && forced === undefined && (commands?.includes(name) ?? true),
  );
  const ways = open.map((name) => `'${name} ${id}' ${WHAT[name]}`).join(', ');
  return createPump(stderr)(`build ${id}${ways === '' ? '' : `: ${ways}`}\n`);
}

const WHAT = { attach: 'comes back to it', cancel: 'ends it' } as const;
const COME_BACK = ['attach', 'cancel'] as const;
