import { randomUUID } from 'node:crypto';
import type { ImageSpec } from '../../ports.js';
import { contextStamp } from '../buildkit/stamp.js';
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
  { spec, contextSecret }: { spec: ImageSpec; contextSecret: Buffer },
  signal: AbortSignal,
): Promise<SolveSession & { id: string }> {
  const { context, registries, secrets, agent } = spec;
  const id = randomUUID();
  const stamp = contextStamp(contextSecret, context.sharedKey);
  const dockerfile = textTree(dockerfilePath(context.dockerfileName), context.dockerfile);
  const trees = new Map([
    ['context', context.tree],
    ['dockerfile', dockerfile],
  ]);
  const directories = { trees, stamp };
  const methods = sessionMethods({ directories, registries, secrets, agent });
  const headers = {
    Upgrade: 'h2c',
    'X-Docker-Expose-Session-Uuid': id,
    'X-Docker-Expose-Session-Name': 'buildbot',
    'X-Docker-Expose-Session-Sharedkey': stamp.sharedKey,
    'X-Docker-Expose-Session-Grpc-Method': [...methods.keys()],
  };
  const socket = await openUpgraded(connection, { method: 'POST', path: '/session', headers, signal });
  return { id, ...openSolveSession(socket, methods) };
}
