import { once } from 'node:events';
import { connect } from 'node:net';
import type { Config } from './config.js';
import { Failure } from './model/errors.js';
import type { Engine } from './ports.js';

export const PATIENCE = 5_000;

/** `healthcheck`: 0 if the engine answers and a runner listens on the SSH port. */
export async function healthcheck({ sshAddress }: Config, engine: Engine): Promise<number> {
  const signal = AbortSignal.timeout(PATIENCE);
  await engine.describe(signal);
  const host =
    sshAddress.host === '0.0.0.0' ? '127.0.0.1' : sshAddress.host === '::' ? '::1' : sshAddress.host;
  const socket = connect({ host, port: sshAddress.port });
  try {
    const [banner] = (await once(socket, 'data', { signal })) as [Buffer];
    if (banner.toString('latin1').startsWith('SSH-2.0-')) return 0;
    throw new Error('no SSH banner');
  } catch (error) {
    throw new Failure('ENGINE_UNREACHABLE', `no runner answers on ${host}:${sshAddress.port}`, {
      hint: 'start it with: buildbot serve',
      cause: error,
    });
  } finally {
    socket.destroy();
  }
}
