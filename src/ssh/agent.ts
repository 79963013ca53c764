import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Connection, ServerChannel } from 'ssh2';
import { mendChannel } from './faults.js';
import type { ConnectionInternals, PendingChannel } from './internals.js';

/** The client's ssh-agent. Nothing of it is here but the way to it. */
export type ClientAgent = {
  /** Listens on a socket at `path` (0600), which is not there yet, until the answer is disposed. */
  listen(path: string, onSilent?: () => void): Promise<AgentSocket>;
};

/** A socket that leads to the client's agent while the client is there. */
export interface AgentSocket extends AsyncDisposable {
  /** Whether the agent owes somebody an answer. */
  isWaiting(): boolean;
}

/** Asks the client for one more channel to its agent. Calls back once, or never where the client does not answer. */
export type OpenAgentChannel = (
  connection: Connection,
  opened: (channel: ServerChannel | undefined) => void,
) => void;

/** Programs of one command that may speak to the agent at a time; who comes later is hung up on. */
const MOST = 32;
/** Milliseconds for an answer, which may need a person's yes or touch: what sshd gives a login as a whole (LoginGraceTime). */
export const AGENT_ANSWER = 120_000;
const WINDOW = 2 * 1024 * 1024;
const PACKET = 32 * 1024;

/** `auth-agent@openssh.com`, a channel that a server opens (draft-ietf-sshm-ssh-agent §4). ssh2 can, but for clients alone. */
export const openAgentChannel: OpenAgentChannel = (connection, opened) => {
  const { _chanMgr, _protocol } = connection as ConnectionInternals;
  const pending: PendingChannel = Object.assign(
    (_error: Error | undefined, channel?: ServerChannel) => opened(channel),
    { type: 'auth-agent@openssh.com' },
  );
  const id = _chanMgr.add(pending);
  if (id < 0) opened(undefined);
  else _protocol.openssh_authAgent(id, WINDOW, PACKET);
};

export function clientAgent(connection: Connection, open: OpenAgentChannel): ClientAgent {
  return {
    async listen(path, onSilent = () => undefined) {
      const sockets = new Set<Socket>();
      const waiting = createWaiting(onSilent);
      const server = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => (sockets.delete(socket), waiting.end(socket)));
        waiting.start(socket);
        open(connection, (channel) => relay(socket, channel, { connection, waiting }));
      });
      server.maxConnections = MOST;
      await listenPrivately(server, path);
      return {
        isWaiting: () => waiting.some(),
        async [Symbol.asyncDispose]() {
          const closed = once(server, 'close');
          server.close();
          for (const socket of sockets) socket.destroy();
          await closed;
        },
      };
    },
  };
}

/** Who waits for an answer of the agent. Nobody does for ever: a program that hangs would keep what others wait for. */
function createWaiting(onSilent: () => void) {
  const timers = new Map<Socket, NodeJS.Timeout>();
  const end = (socket: Socket): void => {
    clearTimeout(timers.get(socket));
    timers.delete(socket);
  };
  return {
    some: () => timers.size > 0,
    end,
    start(socket: Socket): void {
      end(socket);
      timers.set(
        socket,
        setTimeout(() => {
          onSilent();
          socket.destroy();
        }, AGENT_ANSWER),
      );
    },
  };
}

type Relay = { connection: Connection; waiting: ReturnType<typeof createWaiting> };

// Each connection has a channel of its own: OpenSSH's agent ties what a key may sign to the connection that asks.
function relay(socket: Socket, channel: ServerChannel | undefined, { connection, waiting }: Relay): void {
  if (channel === undefined) return void socket.destroy();
  mendChannel(connection, channel);
  if (socket.destroyed) return channel.close();
  waiting.end(socket);
  channel.on('gone', () => socket.destroy());
  socket.on('close', () => channel.close());
  socket.on('data', () => waiting.start(socket));
  channel.on('data', () => waiting.end(socket));
  socket.pipe(channel).pipe(socket);
}

async function listenPrivately(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, 'listening');
  // Out of file descriptors, say: it passes.
  server.on('error', () => {});
  await chmod(path, 0o600);
}
