import type { Socket } from 'node:net';
import type { ServerLog } from './log.js';

export type AdmissionLimits = {
  /** Milliseconds from the connection to a successful login. */
  loginGraceMs: number;
  maxConnections: number;
  maxUnauthenticatedPerAddress: number;
};

/** One connection, from TCP accept to its end. */
export type Visit = {
  readonly address: string;
  /** The client has logged in: its grace ends here. */
  welcome(): void;
  /** Why this connection came to nothing; the first reason is logged when it ends without a login. */
  blame(reason: string): void;
};

export type Admission = {
  /** undefined: refused, and the socket is gone. */
  admit(socket: Socket): Visit | undefined;
  visitOf(socket: Socket): Visit | undefined;
  sockets(): Iterable<Socket>;
};

/** Keeps count of who is connected, so that nobody who has not logged in can use up what others need. */
export function createAdmission(limits: AdmissionLimits, log: ServerLog): Admission {
  const visits = new Map<Socket, Visit>();
  const strangers = new Map<string, number>();

  const refusal = (address: string): string | undefined => {
    if (visits.size >= limits.maxConnections) return `more than ${limits.maxConnections} connections`;
    const waiting = strangers.get(address) ?? 0;
    if (waiting < limits.maxUnauthenticatedPerAddress) return undefined;
    return `more than ${limits.maxUnauthenticatedPerAddress} connections without a login from this address`;
  };

  const open = (socket: Socket, address: string): Visit => {
    let stranger = true;
    let reason = 'the client left before the login';
    strangers.set(address, (strangers.get(address) ?? 0) + 1);
    const noStranger = (): void => {
      if (!stranger) return;
      stranger = false;
      clearTimeout(grace);
      const left = (strangers.get(address) ?? 1) - 1;
      if (left > 0) strangers.set(address, left);
      else strangers.delete(address);
    };
    const blame = once((why: string) => (reason = why));
    const grace = setTimeout(() => {
      blame(`no login within ${limits.loginGraceMs / 1000} s`);
      socket.destroy();
    }, limits.loginGraceMs);
    socket.on('close', () => {
      visits.delete(socket);
      if (stranger) log.warn({ address, reason }, 'login refused');
      noStranger();
    });
    return { address, welcome: noStranger, blame };
  };

  return {
    admit: (socket) => {
      const address = plainAddress(socket.remoteAddress);
      const reason = refusal(address);
      if (reason !== undefined) {
        log.warn({ address, reason }, 'login refused');
        socket.destroy();
        return undefined;
      }
      const visit = open(socket, address);
      visits.set(socket, visit);
      return visit;
    },
    visitOf: (socket) => visits.get(socket),
    sockets: () => visits.keys(),
  };
}

// A socket that listens on :: sees IPv4 clients as ::ffff:192.0.2.1 (RFC 4291 §2.5.5.2).
function plainAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=\d+\.)/, '') ?? 'unknown';
}

function once(act: (why: string) => void): (why: string) => void {
  let done = false;
  return (why) => {
    if (!done) act(why);
    done = true;
  };
}
