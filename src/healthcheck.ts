import { once } from 'node:events';
import { connect } from 'node:net';
import type { Writable } from 'node:stream';
import type { Runner } from './adapters/runner.js';
import { summarise, type StatusReport } from './commands/status.js';
import type { Config } from './config.js';
import { Failure } from './model/errors.js';
import type { Engine } from './ports.js';

/** Milliseconds for the SSH door, for the engine, and for what the runners of the data directory say of themselves. */
export const [DOOR, ENGINE, REPORT] = [5_000, 2_000, 3_000];

type Tools = { engine: Pick<Engine, 'describe'>; runner: Pick<Runner, 'askOthers'>; stdout: Writable };

/** `healthcheck`: how the runner is, and 0 if it listens on the SSH port and the engine answers. Rejects with ENGINE_UNREACHABLE. */
export async function healthcheck(
  { sshAddress }: Config,
  { engine, runner, stdout }: Tools,
): Promise<number> {
  await greet(sshAddress);
  for (const text of await runner.askOthers('status', AbortSignal.timeout(REPORT))) {
    stdout.write(summarise(JSON.parse(text) as StatusReport));
  }
  const signal = AbortSignal.timeout(ENGINE);
  await engine.describe(signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    throw new Failure('ENGINE_UNREACHABLE', `the engine did not answer within ${ENGINE / 1000} s`, {
      cause: error,
    });
  });
  return 0;
}

async function greet({ host: listening, port }: Config['sshAddress']): Promise<void> {
  const host = listening === '0.0.0.0' ? '127.0.0.1' : listening === '::' ? '::1' : listening;
  const socket = connect({ host, port });
  try {
    const [banner] = (await once(socket, 'data', { signal: AbortSignal.timeout(DOOR) })) as [Buffer];
    if (!banner.toString('latin1').startsWith('SSH-2.0-')) throw new Error('no SSH banner');
  } catch (error) {
    throw new Failure('ENGINE_UNREACHABLE', `no runner answers on ${host}:${port}`, {
      hint: 'start it with: buildbot serve',
      cause: error,
    });
  } finally {
    socket.destroy();
  }
}
