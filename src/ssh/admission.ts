import type { Socket } from 'node:net';
import { networkOf, plainAddress } from './addresses.js';
import { countMembers } from './members.js';
import type { Refusals } from './refusals.js';

export type AdmissionLimits = {
  /** Milliseconds from the connection to a successful login. */
  loginGraceMs: number;
  maxConnections: number;
  maxConnectionsPerKey: number;
  maxUnauthenticatedPerAddress: number;
};

/** How far a client has come without a login: TCP alone, its first line, its algorithms, a key exchange, a key that would do. */
const stages = ['connected', 'greeted', 'negotiating', 'keyed', 'asking'] as const;
export type Stage = (typeof stages)[number];

/** One connection, from TCP accept to its end. */
export type Visit = {
  readonly address: string;
  advance(stage: Stage): void;
  /** The client has logged in with this key: its grace ends here. false: there are too many already, and the socket is gone. */
  welcome(key: string): boolean;
  /** Why this connection came to nothing; the first reason is logged when it ends without a login. */
  blame(reason: string): void;
  dismiss(reason: string): void;
};

export type Admission = {
  admit(socket: Socket): void;
  /** undefined: the connection has ended. */
  visitOf(socket: Socket): Visit | undefined;
  sockets(): Iterable<Socket>;
};

type Stranger = { stage: number; since: number; dismiss(reason: string): void };

/** Milliseconds in which a newcomer may get ahead of others before somebody has to give way. Who comes again and again is slowed down. */
const PACE = 250;
/** Connections over the limit at which nobody waits that long, and how many give way then. */
const CROWD = 512;
const BATCH = 32;

/**
 * Keeps count of who is connected, so that nobody who has not logged in can use up what others need, those behind the same address
 * among them. Where there are too many, the newcomer is let in and somebody gives way: of the address with most strangers, the one
 * that has come least far, and has stood there longest. Somebody with a key is through all stages in a second, and moves on faster than
 * a flood that does not do the work of a login replaces him; a random drop (MaxStartups of sshd) would hit him as often as anybody.
 */
export function createAdmission(limits: AdmissionLimits, refusals: Refusals): Admission {
  const visits = new Map<Socket, Visit>();
  /** By network, in the order in which they came to where they are. */
  const strangers = new Map<string, Set<Stranger>>();
  const members = countMembers(limits);
  const { maxConnections, maxUnauthenticatedPerAddress: perAddress } = limits;
  let isTrimming = false;

  const crowds = () => [...strangers.values()].toSorted((a, b) => b.size - a.size);
  const tooMany = `more than ${maxConnections} connections`;
  const tooManyHere = `more than ${perAddress} connections without a login from this address`;

  const trim = (): void => {
    isTrimming = false;
    for (const crowd of strangers.values())
      dismissWeakest(mature(crowd), crowd.size - perAddress, tooManyHere);
    for (const crowd of crowds()) dismissWeakest(mature(crowd), visits.size - maxConnections, tooMany);
    trimSoon();
  };
  const trimSoon = (): void => {
    const isOver = visits.size > maxConnections || (crowds()[0]?.size ?? 0) > perAddress;
    if (isOver && !isTrimming) setTimeout(trim, PACE).unref();
    isTrimming ||= isOver;
    if (visits.size > maxConnections + CROWD)
      for (const crowd of crowds().slice(0, 1)) dismissWeakest([...crowd], BATCH, tooMany);
  };

  const open = (socket: Socket): Visit => {
    const address = plainAddress(socket.remoteAddress);
    const network = networkOf(address);
    const crowd = strangers.get(network) ?? new Set();
    strangers.set(network, crowd);
    let reason: string | undefined;
    const blame = (why: string) => void (reason ??= why);
    const leave = (): boolean => {
      clearTimeout(grace);
      visits.delete(socket);
      const wasStranger = crowd.delete(stranger);
      if (crowd.size === 0 && strangers.get(network) === crowd) strangers.delete(network);
      return wasStranger;
    };
    const end = (): void => {
      // Who comes and leaves without a word looks whether somebody is here: a health check, a balancer.
      const saidNothing = stranger.stage === 0 && reason === undefined;
      if (leave() && !saidNothing)
        refusals.note(address, 'login refused', reason ?? 'the client left before the login');
    };
    const dismiss = (why: string): void => {
      blame(why);
      end();
      socket.destroy();
    };
    const stranger: Stranger = { stage: 0, since: performance.now(), dismiss };
    const grace = setTimeout(
      () => dismiss(`no login within ${limits.loginGraceMs / 1000} s`),
      limits.loginGraceMs,
    );
    crowd.add(stranger);
    socket.on('close', end);
    // We have said all: a stranger gets no time to hold its half of the connection open.
    socket.on('finish', () => {
      if (!crowd.has(stranger)) return;
      if (stranger.stage === 0 && !socket.readableEnded) blame('it does not speak SSH');
      socket.destroy();
    });
    const visit: Visit = {
      address,
      ...{ blame, dismiss },
      advance: (stage) => {
        const reached = stages.indexOf(stage);
        if (reached <= stranger.stage || !crowd.delete(stranger)) return;
        stranger.stage = reached;
        crowd.add(stranger);
      },
      welcome: (key) => {
        const excess = members.excess(key);
        if (excess !== undefined) dismiss(excess);
        if (!leave()) return false;
        visits.set(socket, visit);
        socket.on('close', members.enter(key));
        return true;
      },
    };
    return visit;
  };

  return {
    admit: (socket) => {
      const visit = open(socket);
      visits.set(socket, visit);
      if (members.isFull()) visit.dismiss(tooMany);
      else trimSoon();
    },
    visitOf: (socket) => visits.get(socket),
    sockets: () => visits.keys(),
  };
}

/** Those who had the time to make progress. */
function mature(crowd: ReadonlySet<Stranger>): Stranger[] {
  const latest = performance.now() - PACE;
  return [...crowd].filter(({ since }) => since <= latest);
}

function dismissWeakest(strangers: readonly Stranger[], count: number, reason: string): void {
  if (count <= 0) return;
  const weakest = strangers.toSorted((a, b) => a.stage - b.stage).slice(0, count);
  for (const stranger of weakest) stranger.dismiss(reason);
}
