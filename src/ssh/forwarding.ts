import type { Connection, Session as ClientSession } from 'ssh2';
import type { Rights } from '../model/rights.js';
import { clientAgent, openAgentChannel, type ClientAgent } from './agent.js';

/** Where a client without agent forwarding puts its agent: `-R /agent:$SSH_AUTH_SOCK`. No such file is made. */
const AGENT_PATH = '/agent';

const REFUSED =
  'forwarding (-R) is refused; this runner takes your ssh-agent alone, with -A or -R /agent:$SSH_AUTH_SOCK';
const X11 = 'X11 is not forwarded: no command of this runner draws anything; leave out -X';
const NO_AGENT =
  "the agent is not forwarded: your key's line has restrict or no-agent-forwarding (or its certificate no permit-agent-forwarding)";

/** What one client forwards to us. */
export type Forwarding = {
  /** Hears what a session asks to forward: X11 is refused; with -A the answer gives the client's agent, if it lends one by then. */
  watchSession(session: ClientSession): () => ClientAgent | undefined;
  /** A sentence for each kind of thing that was refused: the protocol has no words for that. */
  notices(): readonly string[];
};

type GlobalRequest = [
  accept: (() => void) | undefined,
  reject: (() => void) | undefined,
  name: string,
  info: object,
];

/** Serves the requests of a client that concern the whole connection (RFC 4254 §4; OpenSSH's PROTOCOL §2.4). */
export function watchForwarding(
  connection: Connection,
  { rights, onRefusal }: { rights: Rights; onRefusal: (reason: string) => void },
): Forwarding {
  const notices = new Set<string>();
  let remote = false;
  const refuse = (reason: string): void => {
    if (!notices.has(reason)) onRefusal(reason);
    notices.add(reason);
  };
  // Neither function is there where the client wants no answer.
  connection.on('request', (...[accept, reject, name, info]: GlobalRequest) => {
    const isAgent = 'socketPath' in info && info.socketPath === AGENT_PATH;
    if (!isAgent || rights.noAgent || rights.noForwarding) {
      if (!name.startsWith('cancel-')) refuse(isAgent ? NO_AGENT : REFUSED);
      return reject?.();
    }
    remote = name === 'streamlocal-forward@openssh.com';
    accept?.();
  });
  const remoteAgent = clientAgent(connection, (_, opened) => {
    connection.openssh_forwardOutStreamLocal(AGENT_PATH, (error, channel) =>
      opened(error ? undefined : channel),
    );
  });
  return {
    watchSession(session) {
      session.on('x11', (_, reject) => {
        refuse(X11);
        reject?.();
      });
      let asked = false;
      session.on('auth-agent', (accept, reject) => {
        if (!rights.noAgent) {
          asked = true;
          return accept?.();
        }
        refuse(NO_AGENT);
        reject?.();
      });
      return () => (asked ? clientAgent(connection, openAgentChannel) : remote ? remoteAgent : undefined);
    },
    notices: () => [...notices],
  };
}
