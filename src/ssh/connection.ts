import type { AuthContext, Connection } from 'ssh2';
import type { Visit } from './admission.js';
import { decideAttempt } from './authentication.js';
import { isNegotiating, socketOf } from './faults.js';
import { watchForwarding } from './forwarding.js';
import type { AuthorizedKey } from './keys.js';
import type { ServerLog } from './log.js';
import type { Refusals } from './refusals.js';
import { serveSession, type Caller, type SessionHandler } from './session.js';

export type ConnectionContext = {
  visit: Visit;
  keys: () => readonly AuthorizedKey[];
  handle: SessionHandler;
  log: ServerLog;
  refusals: Refusals;
  limits: { maxAuthTries: number; maxSessionsPerConnection: number };
};

/**
 * Serves one client from its first line on. Tunnels (-L, -W, -D) are refused by ssh2 itself, since nobody listens for them
 * here.
 */
export function serveConnection(connection: Connection, context: ConnectionContext): void {
  const { visit, log, limits, refusals } = context;
  const { address } = visit;
  const { maxSessionsPerConnection: maxSessions } = limits;
  let isLoggedIn = false;
  let open = 0;
  visit.advance('greeted');
  socketOf(connection).on('data', () => isNegotiating(connection) && visit.advance('negotiating'));
  connection.on('handshake', () => visit.advance('keyed'));
  connection.on('error', (error: Error) => {
    const reason = error.message.slice(0, 200); // a client may have written it
    visit.blame(reason);
    if (isLoggedIn) refusals.note(address, 'connection lost', reason);
  });
  authenticate(connection, context, (caller) => {
    isLoggedIn = true;
    const forwarding = watchForwarding(connection, {
      rights: caller.rights,
      onRefusal: (reason) => refusals.note(address, 'forwarding refused', reason),
    });
    connection.on('session', (accept, reject) => {
      if (open >= maxSessions) {
        refusals.note(address, 'session refused', `more than ${maxSessions} sessions on one connection`);
        return reject();
      }
      open += 1;
      const session = accept();
      session.on('close', () => (open -= 1));
      serveSession(session, { connection, caller, forwarding, handle: context.handle, log });
    });
  });
}

function authenticate(
  connection: Connection,
  { visit, keys, limits, log }: ConnectionContext,
  onLogin: (caller: Caller) => void,
): void {
  let failures = 0;
  let isFirst = true;
  connection.on('authentication', (attempt) => {
    if (failures >= limits.maxAuthTries) return;
    const { username } = attempt;
    const { address } = visit;
    const isOpening = isFirst && attempt.method === 'none';
    isFirst = false;
    const decision = decideAttempt(attempt, keys(), { username, address, now: new Date() });
    if (decision.answer !== 'reject') visit.advance('asking');
    if (decision.answer === 'usable') return acceptProbe(attempt, decision.algorithm);
    if (decision.answer === 'accept') {
      const { fingerprint, comment, rights } = decision;
      const person = { fingerprint, comment, address, username };
      const caller = { ...person, rights };
      if (!visit.welcome(fingerprint)) return;
      log.info(person, 'login');
      onLogin(caller);
      return attempt.accept();
    }
    // Every client starts with 'none', to ask what there is (RFC 4252 §5.2).
    if (!isOpening) {
      failures += 1;
      visit.blame(decision.reason);
    }
    if (failures < limits.maxAuthTries) return attempt.reject(['publickey']);
    connection.end();
    socketOf(connection).destroySoon();
  });
}

// The answer repeats the algorithm of the question (RFC 4252 §7); ssh2 has put the key's type in its place.
function acceptProbe(attempt: AuthContext, algorithm: string): void {
  if (attempt.method === 'publickey') attempt.key.algo = algorithm;
  attempt.accept();
}
