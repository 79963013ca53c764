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

type Tools = {
  engine: Pick<Engine, 'describe'>;
  /** How it is, where it is the runner's own: what follows "the engine of this runner". */
  ownEngine: (() => Promise<string>) | undefined;
  runner: Pick<Runner, 'askOthers'>;
  stdout: Writable;
};

/** `healthcheck`: how the runner is, and 0 if it listens on the SSH port, the engine answers and the data directory can be written. Rejects with ENGINE_UNREACHABLE or RUNNER_FAILED. */
export async function healthcheck(
  { sshAddress }: Config,
  { engine, ownEngine, runner, stdout }: Tools,
): Promise<number> {
  await greet(sshAddress);
  let fault: string | undefined;
  for (const text of await runner.askOthers('status', AbortSignal.timeout(REPORT))) {
    const report = JSON.parse(text) as StatusReport;
    stdout.write(summarise(report));
    fault ??= report.disk.fault;
  }
  await greetEngine(engine, ownEngine);
  if (fault !== undefined)
    throw new Failure('RUNNER_FAILED', `the data directory cannot be written (${fault})`, {
      hint: 'look after its disk',
    });
  return 0;
}

async function greetEngine(engine: Tools['engine'], ownEngine: Tools['ownEngine']): Promise<void> {
  const signal = AbortSignal.timeout(ENGINE);
  try {
    await engine.describe(signal);
  } catch (cause) {
    if (ownEngine)
      throw new Failure('ENGINE_UNREACHABLE', `the engine of this runner ${await ownEngine()}`, { cause });
    if (!signal.aborted) throw cause;
    throw new Failure('ENGINE_UNREACHABLE', `the engine did not answer within ${ENGINE / 1000} s`, { cause });
  }
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
