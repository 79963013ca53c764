import { connect, type Socket } from 'node:net';
import type { LentAgent } from '../../model/credentials.js';
import { type Call, GrpcError, grpcStatus, type Method } from './grpc.js';
import { asBytes, asText, readMessage, writeMessage } from './wire.js';

/** The only agent that there is, as Dockerfiles name it where they give no id. */
const ID = 'default';

/**
 * moby.sshforward.v1.SSH (moby/buildkit, session/sshforward): the engine asks whether there is an agent of an id, and then, for each
 * connection of a RUN to its $SSH_AUTH_SOCK, for a stream of BytesMessage{1 data} both ways.
 */
export function agentMethods({ socket }: LentAgent): [string, Method][] {
  return [
    ['/moby.sshforward.v1.SSH/CheckAgent', checkAgent],
    ['/moby.sshforward.v1.SSH/ForwardAgent', forwardAgent(socket)],
  ];
}

const checkAgent: Method = async ({ messages, send }) => {
  for await (const request of messages) {
    let id = '';
    readMessage(request, (field, value) => {
      if (field === 1) id = asText(value);
    });
    requireId(id);
    return send(Buffer.alloc(0));
  }
};

function forwardAgent(path: string): Method {
  return async (call) => {
    requireId(call.metadata.get('buildkit.ssh.id')?.[0] ?? '');
    const socket = connect(path);
    // A socket that fails ends: the RUN sees its agent hang up, and that is its own trouble.
    socket.on('error', () => {});
    void sendUp(call, socket);
    try {
      for await (const data of socket.iterator({ destroyOnReturn: true })) {
        await call.send(
          writeMessage()
            .bytes(1, data as Buffer)
            .finish(),
        );
      }
    } catch {
      // either side has gone
    } finally {
      socket.destroy();
    }
  };
}

async function sendUp({ messages }: Call, socket: Socket): Promise<void> {
  try {
    for await (const message of messages) {
      const pieces: Buffer[] = [];
      readMessage(message, (field, value) => void (field === 1 && pieces.push(asBytes(value))));
      for (const piece of pieces) if (!socket.write(piece)) await drained(socket);
    }
  } catch {
    // the RUN has gone
  } finally {
    socket.destroy();
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      socket.off('drain', settle).off('close', settle);
      if (socket.destroyed) reject(new Error('the agent hung up'));
      else resolve();
    };
    if (socket.destroyed) settle();
    else socket.on('drain', settle).on('close', settle);
  });
}

function requireId(id: string): void {
  if (id === '' || id === ID) return;
  throw new GrpcError(grpcStatus.notFound, `unset ssh forward key ${id}`);
}
