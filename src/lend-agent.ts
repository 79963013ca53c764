import { join } from 'node:path';
import type { Logger } from 'pino';
import type { LentAgent } from './model/credentials.js';
import { formatDuration } from './model/quantity.js';
import type { Workspaces } from './ports.js';
import { AGENT_ANSWER, type ClientAgent } from './ssh/agent.js';
import type { Session } from './ssh/session.js';

/**
 * The agent of a session's client as a socket in a private directory, both until it is disposed. undefined: the client lends none, or
 * there is no place for it; most commands do without.
 */
export async function lendAgent(
  { agent, caller, stderr }: Session,
  { workspaces, log }: { workspaces: Workspaces; log: Logger },
): Promise<(LentAgent & AsyncDisposable) | undefined> {
  if (agent === undefined) return undefined;
  try {
    const silent = `the ssh-agent did not answer within ${formatDuration(AGENT_ANSWER)}`;
    const onSilent = () => void stderr.write(`buildbot: ${silent}, whoever waited for it goes on without\n`);
    return await exposeAgent(agent, { workspaces, onSilent });
  } catch (err) {
    log.error({ err, address: caller.address }, 'cannot take the agent of a client');
    stderr.write(
      'buildbot: your ssh-agent cannot be taken now; whoever runs this buildbot finds the reason in its log\n',
    );
    return undefined;
  }
}

async function exposeAgent(
  agent: ClientAgent,
  { workspaces, onSilent }: { workspaces: Workspaces; onSilent: () => void },
): Promise<LentAgent & AsyncDisposable> {
  const workspace = await workspaces.create('agent');
  try {
    const socket = join(workspace.directory, 'agent.sock');
    const listening = await agent.listen(socket, onSilent);
    return {
      socket,
      isWaiting: () => listening.isWaiting(),
      async [Symbol.asyncDispose]() {
        await listening[Symbol.asyncDispose]();
        await workspace[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await workspace[Symbol.asyncDispose]();
    throw error;
  }
}
