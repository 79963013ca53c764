import { userInfo } from 'node:os';
import pino from 'pino';
import type { Invocation } from './commands/invocation.js';
import { refuse } from './commands/refusal.js';
import { runCommand } from './commands/run-command.js';
import { readConfig } from './config.js';
import { watchOutput } from './local-output.js';
import { localTerminal } from './local-terminal.js';
import { asFailure, type Failure } from './model/errors.js';
import { allRights } from './model/rights.js';
import { createServerLog } from './server-log.js';
import { createServices } from './services.js';

/** The composition root: environment → Config → adapters (`world`) → what commands work on (`services`) → doors. */
export async function main(words: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  try {
    const isServer = words[0] === 'serve';
    const config = readConfig(environment, { isServer });
    const log = isServer ? createServerLog(config.logLevel, process) : pino({ level: 'silent' });
    const { services, finish } = createServices(config, environment, log);
    const gone = new AbortController();
    const output = isServer ? undefined : watchOutput(process, gone);
    const invocation = invocationHere(words, environment, gone);
    const exitCode = await runCommand(invocation, services);
    // What was asked for is done, whatever becomes of the rest.
    await finish(invocation).catch((error: unknown) => void explain(asFailure(error)));
    const unwritten = output?.failure();
    return unwritten === undefined ? exitCode : explain(unwritten);
  } catch (error) {
    const failure = asFailure(error);
    const { stdout, stderr } = process;
    await refuse(failure, { words, caller: { rights: allRights }, stdout, stderr });
    return failure.exitCode;
  }
}

function explain(failure: Failure): number {
  process.stderr.write(`buildbot: ${failure.line}\n`);
  return failure.exitCode;
}

function invocationHere(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  gone: AbortController,
): Invocation {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) {
    if (words[0] !== 'serve') process.once(signal, () => gone.abort());
  }
  const { stdin, stdout, stderr } = process;
  const socket = environment['SSH_AUTH_SOCK'] ?? '';
  const terminal = localTerminal(process, environment['TERM'] ?? '');
  return {
    words,
    local: true,
    caller: { fingerprint: 'local', comment: userInfo().username, address: 'local', rights: allRights },
    environment: new Map(
      Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    ...(socket !== '' && { agent: { socket } }),
    ...(terminal && { terminal }),
    stdin,
    stdout,
    stderr,
    signal: gone.signal,
  };
}
