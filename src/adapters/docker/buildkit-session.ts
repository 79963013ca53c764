import { createHash, randomUUID } from 'node:crypto';
import type { ImageSpec } from '../../ports.js';
import { openSolveSession, sessionMethods, type SolveSession } from '../buildkit/session.js';
import { type Connection, openUpgraded } from './connection.js';
import { textTree } from './dockerfile-tree.js';
import { dockerfilePath } from './query.js';

/**
 * Lends the build's files, credentials and secrets to the engine (moby, api/server/router/session): `POST /session` upgrades to
 * HTTP/2 on which the engine is the client. `sharedKey` is where the engine keeps what it received, for the next build.
 */
export async function startSession(
  connection: Connection,
  { context, registries, secrets, agent }: ImageSpec,
  signal: AbortSignal,
): Promise<SolveSession & { id: string }> {
  const id = randomUUID();
  const dockerfile = textTree(dockerfilePath(context.dockerfileName), context.dockerfile);
  const directories = new Map([
    ['context', context.tree],
    ['dockerfile', dockerfile],
  ]);
  const methods = sessionMethods({ directories, registries, secrets, agent });
  const headers = {
    Upgrade: 'h2c',
    'X-Docker-Expose-Session-Uuid': id,
    'X-Docker-Expose-Session-Name': 'buildbot',
    'X-Docker-Expose-Session-Sharedkey': createHash('sha256').update(context.sharedKey).digest('hex'),
    'X-Docker-Expose-Session-Grpc-Method': [...methods.keys()],
  };
  const socket = await openUpgraded(connection, { method: 'POST', path: '/session', headers, signal });
  return { id, ...openSolveSession(socket, methods) };
}
