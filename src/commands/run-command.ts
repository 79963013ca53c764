import { asFailure } from '../model/errors.js';
import { LAST_LINES, LAST_WORDS } from '../model/last-words.js';
import { flushed } from '../output/pump.js';
import { readCommand } from '../request/rights.js';
import { attach } from './attach.js';
import { build } from './build.js';
import { cancel } from './cancel.js';
import { help } from './help.js';
import type { Invocation, Services } from './invocation.js';
import { plan } from './plan.js';
import { refuse } from './refusal.js';
import { status } from './status.js';
import { version } from './version.js';

/** Runs one command to its exit code. Rejects only for a bug; what a caller did wrong is told on stderr. */
export async function runCommand(invocation: Invocation, services: Services): Promise<number> {
  try {
    return await dispatch(invocation, services);
  } catch (error) {
    const failure = asFailure(error);
    await refuse(failure, invocation);
    if (failure.code === 'INTERNAL') services.onBug(failure);
    return failure.exitCode;
  } finally {
    const { words, local, stdout, stderr } = invocation;
    const within = local && words[0] === 'serve' ? LAST_LINES : LAST_WORDS;
    await Promise.all([flushed(stdout, within), flushed(stderr, within)]);
  }
}

function dispatch(invocation: Invocation, services: Services): Promise<number> {
  if (invocation.unreadable) throw invocation.unreadable;
  const { local, caller } = invocation;
  const command = readCommand(invocation.words, { local, rights: caller.rights });
  switch (command.name) {
    case 'build':
      return build(command.flags, invocation, services);
    case 'plan':
      return plan(command.flags, invocation, services);
    case 'status':
      return status(command.flags, invocation, services);
    case 'attach':
      return attach(command, invocation, services);
    case 'cancel':
      return cancel(command, invocation, services);
    case 'version':
      return version(invocation, services);
    case 'help':
      return help(command.operands[0], invocation, command.exitCode);
    case 'serve':
    case 'healthcheck':
      return services.local[command.name]();
  }
}
