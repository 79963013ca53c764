import type { Logger } from 'pino';
import { createKeyRing } from './authorized-keys.js';
import { runCommand } from './commands/run-command.js';
import type { Services } from './commands/invocation.js';
import type { Config } from './config.js';
import { lendAgent } from './lend-agent.js';
import { Failure } from './model/errors.js';
import type { BuildStatus } from './run/builds.js';
import { RECEIPT } from './output/receipt.js';
import type { Workspaces } from './ports.js';
import { commandName } from './request/parse.js';
import { splitCommand, wordsOf } from './request/split.js';
import { type HostKey, loadHostKey, parseHostKey } from './ssh/hostkey.js';
import { startSshServer } from './ssh/server.js';
import type { Session } from './ssh/session.js';
import { sshSignature } from './ssh/sshsig.js';

export type DoorTools = { log: Logger; workspaces: Workspaces };

/** Runs the SSH door until SIGTERM, SIGINT or SIGHUP, and returns the exit code. Rejects where it cannot start: CONFIG_INVALID, or 69 where that may pass. */
export async function serve(config: Config, services: Services, tools: DoorTools): Promise<number> {
  const { log } = tools;
  const keys = createKeyRing(config, log);
  const identity = await identify(config, log);
  const sign = (text: string): string => sshSignature(identity.signingKey, { namespace: RECEIPT, text });
  const handle = (session: Session) => handleSession(session, { ...services, sign }, tools);
  const server = await startSshServer({
    hostKey: identity.privateKey,
    address: config.sshAddress,
    keys,
    handle,
    log,
  });
  const { host, port } = server.address();
  log.info(
    {
      address: `${host}:${port}`,
      hostKey: identity.fingerprint,
      keys: keys().length,
      version: services.version,
    },
    'ready',
  );
  const signal = await nextSignal();
  log.info({ signal, running: unfinished(services).length, drain: config.drain }, 'draining: no new builds');
  await drain(config, services, log);
  await server.end();
  log.info({}, 'stopped');
  return 0;
}

/** The key that the operator has given, else that of the data directory. */
async function identify({ hostKey: { text, place } }: Config, log: Logger): Promise<HostKey> {
  if (text !== undefined) return parseHostKey(text, place);
  const { isNew, ...key } = await loadHostKey(place);
  if (isNew) log.warn({ file: place, hostKey: key.fingerprint }, 'made a host key');
  return key;
}

async function handleSession(session: Session, services: Services, tools: DoorTools): Promise<number> {
  const { command, caller, environment, terminal, stdin, stdout, stderr, signal } = session;
  const started = Date.now();
  const read = command === undefined ? { words: [] } : readWords(command);
  await using agent = await lendAgent(session, tools);
  const streams = { stdin, stdout, stderr, ...(terminal && { terminal }), ...(agent && { agent }) };
  const invocation = { ...read, local: false, caller, environment, ...streams, signal };
  const exitCode = await runCommand(invocation, services);
  const { forced } = caller.rights;
  tools.log.info(
    {
      command: commandName(forced === undefined ? read.words : wordsOf(forced)),
      caller: caller.fingerprint,
      address: caller.address,
      exitCode,
      ms: Date.now() - started,
    },
    'command',
  );
  return exitCode;
}

// A command that cannot even be split is refused where all others are, so that it has the same form.
function readWords(command: string): { words: readonly string[]; unreadable?: Failure } {
  try {
    return { words: splitCommand(command) };
  } catch (error) {
    // They only tell in which form the refusal is wanted.
    if (error instanceof Failure) return { words: command.split(/\s+/), unreadable: error };
    throw error;
  }
}

/** Milliseconds that cancelled builds have to clean up before the process ends all the same. */
export const CLEANUP = 15_000;

/** Waits for running builds; a second signal, or the end of the drain time, cancels them. */
async function drain(config: Config, services: Services, log: Logger): Promise<void> {
  const { builds } = services;
  const idle = builds.drain();
  using patience = startTimer(config.drain);
  await Promise.race([idle, patience.elapsed, nextSignal()]);
  builds.cancelAll(
    new Failure('CANCELLED', 'this runner is shutting down', { hint: 'try again on the next one' }),
  );
  using cleanup = startTimer(CLEANUP);
  await Promise.race([idle, cleanup.elapsed]);
  for (const { id } of unfinished(services))
    log.error({ id }, 'left behind: the next start cleans up after it');
}

function unfinished({ builds }: Services): readonly BuildStatus[] {
  return builds.list().filter(({ state }) => state !== 'ended');
}

function startTimer(ms: number): { elapsed: Promise<void> } & Disposable {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  return { elapsed, [Symbol.dispose]: () => clearTimeout(timer) };
}

/** SIGHUP too: the terminal in which it was started is closed. */
const ENDS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const done = (signal: NodeJS.Signals) => {
      for (const name of ENDS) process.off(name, done);
      resolve(signal);
    };
    for (const name of ENDS) process.on(name, done);
  });
}
