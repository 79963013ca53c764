import type { AuthContext, Connection } from 'ssh2';
import type { Visit } from './admission.js';
import { decideAttempt } from './authentication.js';
import { socketOf } from './faults.js';
import type { AuthorizedKey } from './keys.js';
import type { ServerLog } from './log.js';
import { serveSession, type Caller, type SessionHandler } from './session.js';

export type ConnectionContext = {
  visit: Visit;
  keys: () => readonly AuthorizedKey[];
  handle: SessionHandler;
  log: ServerLog;
  limits: { maxAuthTries: number; maxSessionsPerConnection: number };
};

/**
 * Serves one client from its first line on. Port, X11 and socket forwarding are refused by ssh2 itself, since nobody
 * listens for them here.
 */
export function serveConnection(connection: Connection, context: ConnectionContext): void {
  const { visit, log, limits } = context;
  let open = 0;
  connection.on('error', (error: Error) => {
    const reason = error.message.slice(0, 200); // a client may have written it
    visit.blame(reason);
    log.info({ address: visit.address, reason }, 'connection lost');
  });
  authenticate(connection, context, (caller) => {
    connection.on('session', (accept, reject) => {
      if (open >= limits.maxSessionsPerConnection) return reject();
      open += 1;
      const session = accept();
      session.on('close', () => (open -= 1));
      serveSession(session, { connection, caller, handle: context.handle, log });
    });
  });
}

function authenticate(
  connection: Connection,
  { visit, keys, limits, log }: ConnectionContext,
  onLogin: (caller: Caller) => void,
): void {
  let failures = 0;
  connection.on('authentication', (attempt) => {
    if (failures >= limits.maxAuthTries) return;
    const decision = decideAttempt(attempt, keys());
    if (decision.answer === 'usable') return acceptProbe(attempt, decision.algorithm);
    if (decision.answer === 'accept') {
      const { fingerprint, comment } = decision.key;
      const caller = { fingerprint, comment, address: visit.address, username: attempt.username };
      visit.welcome();
      log.info(caller, 'login');
      onLogin(caller);
      return attempt.accept();
    }
    // Every client starts with 'none', to ask what there is (RFC 4252 §5.2).
    if (attempt.method !== 'none') {
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
