import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { nextTick } from 'node:process';
import ssh2, { type Connection } from 'ssh2';
import { startFailure } from '../model/errors.js';
import { createAdmission, type AdmissionLimits } from './admission.js';
import { serveConnection } from './connection.js';
import { mendConnection, socketOf } from './faults.js';
import { gatherWrites } from './gather.js';
import { parseHostKey } from './hostkey.js';
import { checkInternals } from './internals.js';
import type { AuthorizedKey } from './keys.js';
import { brakeFloods } from './brakes.js';
import type { ServerLog } from './log.js';
import { createRefusals } from './refusals.js';
import type { SessionHandler } from './session.js';

export type SshLimits = AdmissionLimits & {
  maxAuthTries: number;
  maxSessionsPerConnection: number;
  /** A silent client is asked this often, and dropped one interval after `keepaliveCountMax` questions without an answer. */
  keepaliveIntervalMs: number;
  keepaliveCountMax: number;
};

export const defaultLimits: SshLimits = {
  loginGraceMs: 120_000,
  maxAuthTries: 6,
  maxSessionsPerConnection: 32,
  maxConnections: 512,
  maxConnectionsPerKey: 256,
  maxUnauthenticatedPerAddress: 100,
  keepaliveIntervalMs: 15_000,
  keepaliveCountMax: 2,
};

export type SshServerOptions = {
  /** Text of an unencrypted ed25519 private key. */
  hostKey: string;
  address: { host: string; port: number };
  /** Asked anew at each login. */
  keys: () => readonly AuthorizedKey[];
  handle: SessionHandler;
  log: ServerLog;
  limits?: Partial<SshLimits>;
};

export type SshServer = {
  /** Where it listens; the port is the real one where 0 was asked for. */
  address(): { host: string; port: number };
  /** Accepts no new connections; existing ones go on. Safe twice. */
  close(): Promise<void>;
  /**
   * Also ends all connections. A client that has just got its exit code hangs up by itself, and would report 255 if it were cut off
   * before: it has 2 s. Resolves when the last one is gone. Safe twice.
   */
  end(): Promise<void>;
};

/**
 * No "fail" of ssh-audit. Of what ssh2 offers, SHA-1, NIST curves, small groups and encrypt-and-MAC are left out.
 * The host key's algorithm follows from the key: ssh2 ignores serverHostKey for a server, so only ed25519 is accepted.
 */
const algorithms: ssh2.Algorithms = {
  // The client's order decides. Ours tells whether a guessed first packet counts (RFC 4253 §7): ssh2 1.17.0 throws every
  // such packet away (kex.js compares with the first letter of a name), so what clients guess must not stand first here.
  kex: ['diffie-hellman-group16-sha512', 'curve25519-sha256', 'curve25519-sha256@libssh.org'],
  cipher: [
    'aes256-gcm@openssh.com',
    'aes128-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes256-ctr',
    'aes192-ctr',
    'aes128-ctr',
  ],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
  compress: ['none'],
};

/** OpenSSH's client says that its reader is gone (`| head -1`) only to a server whose name starts like this (compat.c). */
const ident = 'OpenSSH_buildbot';

/** How long the last words may take to reach a client that is being sent away. */
export const farewellMs = 2_000;

/** Starts the SSH door. Rejects with CONFIG_INVALID where the key or the address cannot be used, with RUNNER_FAILED where that may pass. */
export async function startSshServer(options: SshServerOptions): Promise<SshServer> {
  checkInternals();
  parseHostKey(options.hostKey, 'the SSH server');
  const limits = { ...defaultLimits, ...options.limits };
  const refusals = createRefusals(options.log);
  const admission = createAdmission(limits, refusals);
  const connections = new Map<Socket, Connection>();
  const protocol = new ssh2.Server(
    {
      hostKeys: [options.hostKey],
      algorithms,
      ident,
      keepaliveInterval: limits.keepaliveIntervalMs,
      keepaliveCountMax: limits.keepaliveCountMax,
    },
    (connection) => {
      mendConnection(connection);
      brakeFloods(connection);
      const socket = socketOf(connection);
      const visit = admission.visitOf(socket);
      if (visit === undefined) return void socket.destroy();
      connections.set(socket, connection);
      connection.on('close', () => connections.delete(socket));
      serveConnection(connection, { ...options, limits, visit, refusals });
    },
  );
  // A server of our own: ssh2's gives no hold on a connection before the client has sent its first line.
  const listener = createServer({ noDelay: true }, (socket) => {
    admission.admit(socket);
    if (socket.destroyed) return;
    // ssh2 writes the length, the text and the tag of each packet by themselves (protocol/crypto.js), and without Nagle's delay each
    // would travel alone.
    gatherWrites(socket, nextTick);
    protocol.injectSocket(socket);
  });
  await listen(listener, options);
  const { address: host, port } = listener.address() as AddressInfo;
  const close = async (): Promise<void> => void listener.close();
  return {
    address: () => ({ host, port }),
    close,
    end: async () => {
      await close();
      const farewells = [...admission.sockets()].map((socket) => sendAway(socket, connections.get(socket)));
      await Promise.all(farewells);
      refusals.flush();
    },
  };
}

async function listen(listener: Server, { address: { host, port }, log }: SshServerOptions): Promise<void> {
  try {
    listener.listen(port, host);
    await once(listener, 'listening');
  } catch (cause) {
    throw startFailure(`cannot listen on ${host}:${port}`, cause);
  }
  // Out of file descriptors, say: it passes.
  listener.on('error', (err) => log.error({ err }, 'cannot accept SSH connections'));
}

async function sendAway(socket: Socket, connection: Connection | undefined): Promise<void> {
  if (socket.destroyed && socket.closed) return;
  const closed = once(socket, 'close');
  const hint = setTimeout(() => {
    connection?.end();
    socket.destroySoon();
  }, farewellMs);
  const impatience = setTimeout(() => socket.destroy(), 2 * farewellMs);
  await closed;
  clearTimeout(hint);
  clearTimeout(impatience);
}
