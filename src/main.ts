import { userInfo } from 'node:os';
import pino from 'pino';
import type { Invocation } from './commands/invocation.js';
import { refusal } from './commands/refusal.js';
import { runCommand } from './commands/run-command.js';
import { readConfig } from './config.js';
import { localTerminal } from './local-terminal.js';
import { asFailure, Failure } from './model/errors.js';
import { allRights } from './model/rights.js';
import { requestedOutput } from './request/parse.js';
import { createServices } from './services.js';

/** The composition root: environment → Config → adapters (`world`) → what commands work on (`services`) → doors. */
export async function main(words: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  try {
    const config = readConfig(environment);
    const log = pino({ level: words[0] === 'serve' ? config.logLevel : 'silent' });
    const { services, finish } = createServices(config, environment, log);
    const invocation = invocationHere(words, environment);
    const output = watchOutput(process);
    const exitCode = await runCommand(invocation, services);
    await finish(invocation);
    const unwritten = output.failure();
    return unwritten === undefined ? exitCode : explain(unwritten);
  } catch (error) {
    const failure = asFailure(error);
    const output = requestedOutput(words);
    if (output === 'json' || output === 'result') process.stdout.write(refusal(failure, output));
    return explain(failure);
  }
}

/** What keeps stdout or stderr from being written; a reader that has gone is none. Unheard, such an error would end the process. */
function watchOutput(streams: Pick<NodeJS.Process, 'stdout' | 'stderr'>): { failure(): Failure | undefined } {
  let failure: Failure | undefined;
  for (const name of ['stdout', 'stderr'] as const) {
    streams[name].on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'EPIPE') return;
      failure ??= new Failure(
        code === 'ENOSPC' ? 'DISK_FULL' : 'INTERNAL',
        `${name} cannot be written (${code})`,
        {
          hint: 'what was built is as it is, but its verdict is lost: make room there, then ask again',
        },
      );
    });
  }
  return { failure: () => failure };
}

function explain(failure: Failure): number {
  process.stderr.write(`buildbot: ${failure.line}\n`);
  return failure.exitCode;
}

function invocationHere(words: readonly string[], environment: NodeJS.ProcessEnv): Invocation {
  const gone = new AbortController();
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
