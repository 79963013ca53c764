import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Connection, ServerChannel, Session as ClientSession } from 'ssh2';
import { CallerGone, type Caller as ModelCaller } from '../model/caller.js';
import { LAST_WORDS } from '../model/last-words.js';
import { catalogue } from '../model/errors.js';
import type { Terminal } from '../model/terminal.js';
import type { ClientAgent } from './agent.js';
import { mendChannel } from './faults.js';
import type { Forwarding } from './forwarding.js';
import { openInput, openTerminalInput } from './input.js';
import type { ServerLog } from './log.js';
import { openOutput } from './output.js';
import { watchTerminal, type SessionTerminal } from './terminal.js';

export type Caller = ModelCaller & { username: string };

/** One exec or shell request. */
export type Session = {
  /** As ssh sends it: the arguments joined by blanks, quotes lost. undefined: a shell was asked for, i.e. no command. */
  command: string | undefined;
  environment: ReadonlyMap<string, string>;
  /** Where a pty was asked for. Output gets its carriage returns here; nobody else may add them. */
  terminal: Terminal | undefined;
  /** Where the client lends its agent, to this session (-A) or to all of its connection (-R /agent:…). */
  agent: ClientAgent | undefined;
  /** Fails when the client is lost before its end. */
  stdin: Readable;
  /** Both honour backpressure, and take everything at once (and drop it) when the client is gone. */
  stdout: Writable;
  stderr: Writable;
  /**
   * Aborted when the client is gone or reads no more (the reason is CallerGone), and when it wants the work stopped: a signal, Ctrl-C in
   * a terminal.
   */
  signal: AbortSignal;
  caller: Caller;
};

/** Resolves with the exit code. A rejection is a bug: exit 70. */
export type SessionHandler = (session: Session) => Promise<number>;

export type SessionContext = {
  connection: Connection;
  caller: Caller;
  forwarding: Forwarding;
  handle: SessionHandler;
  log: ServerLog;
};

export const environmentLimit = { variables: 64, bytes: 2 * 1024 * 1024 };
const stopSignals = new Set(['INT', 'TERM', 'HUP', 'KILL']);

/** Serves what a client asks for on one session channel. x11 and unknown requests are refused for want of a listener. */
export function serveSession(session: ClientSession, context: SessionContext): void {
  const environment = collectEnvironment(session);
  // Without a listener ssh2 refuses the terminal, and ssh says so.
  const terminal = context.caller.rights.noTerminal ? () => undefined : watchTerminal(session);
  const agent = context.forwarding.watchSession(session);
  // accept() comes first and at once: ssh2 accepts nothing any more once the client has sent EOF, which may be right behind.
  // A second request on one session gets no channel.
  const start = (channel: ServerChannel | undefined, command?: string, handle = context.handle): void => {
    if (channel === undefined) return;
    const given = { command, environment, terminal: terminal(), agent: agent() };
    void run(channel, { ...context, ...given, session, handle });
  };
  session.on('exec', (accept, _, { command }) => start(accept(), command));
  session.on('shell', (accept) => start(accept()));
  // sftp and scp print what comes on stderr; refusing the request itself would show "subsystem request failed" alone.
  session.on('subsystem', (accept) => start(accept(), undefined, refuseFiles));
}

function collectEnvironment(session: ClientSession): ReadonlyMap<string, string> {
  const environment = new Map<string, string>();
  let bytes = 0;
  session.on('env', (accept, reject, { key, val }) => {
    const size = Buffer.byteLength(key) + Buffer.byteLength(val);
    const isFull = environment.size >= environmentLimit.variables && key !== 'BUILDBOT_CREDENTIALS';
    const fits = !isFull && bytes + size <= environmentLimit.bytes;
    // Neither function is there where the client wants no answer.
    if (!fits) return reject?.();
    bytes += size;
    environment.set(key, val);
    accept?.();
  });
  return environment;
}

type Run = SessionContext &
  Pick<Session, 'command' | 'environment' | 'agent'> & {
    session: ClientSession;
    terminal: SessionTerminal | undefined;
  };

async function run(channel: ServerChannel, request: Run): Promise<void> {
  const { connection, terminal, handle, log, ...given } = request;
  mendChannel(connection, channel);
  const stop = watchClient(channel, request.session);
  const addsReturns = (): boolean => terminal !== undefined && !terminal.keyboardTaken;
  const options = { connection, addsReturns };
  const onInterrupt = (): void => (terminal?.keyboardTaken ? undefined : stop.abort(new Error('Ctrl-C')));
  const session: Session = {
    command: given.command,
    environment: given.environment,
    terminal,
    agent: given.agent,
    stdin: terminal === undefined ? openInput(channel) : openTerminalInput(channel, onInterrupt),
    stdout: openOutput(channel, options),
    stderr: openOutput(channel.stderr, options),
    signal: stop.signal,
    caller: given.caller,
  };
  for (const notice of given.forwarding.notices()) session.stderr.write(`buildbot: ${notice}\n`);
  const exitCode = await handleSafely(session, handle, log);
  // In this order: ssh2 closes the channel when stdout ends, and loses what stderr still holds.
  const flushed = Promise.all([flush(session.stdout), flush(session.stderr)]);
  const last = setTimeout(() => channel.destroy(), LAST_WORDS).unref();
  await flushed;
  clearTimeout(last);
  channel.exit(exitCode);
  channel.end();
}

function watchClient(channel: ServerChannel, session: ClientSession) {
  const controller = new AbortController();
  const abort = (reason: Error): void => {
    if (!controller.signal.aborted) controller.abort(reason);
  };
  channel.on('gone', () => abort(new CallerGone()));
  // The channel closes right after this; with a status, ssh does not exit with 255.
  channel.on('eow', () => channel.exit(catalogue.CANCELLED.exit));
  session.on('signal', (accept, _, { name }) => {
    accept?.();
    if (stopSignals.has(name)) abort(new Error(`signal ${name}`));
  });
  return { signal: controller.signal, abort };
}

async function handleSafely(session: Session, handle: SessionHandler, log: ServerLog): Promise<number> {
  try {
    return await handle(session);
  } catch (error) {
    log.error({ err: error, address: session.caller.address }, 'session failed');
    session.stderr.write(`internal error; ${catalogue.INTERNAL.hint} (INTERNAL)\n`);
    return catalogue.INTERNAL.exit;
  }
}

// The handler may have ended or destroyed them itself (pipeline does).
async function flush(output: Writable): Promise<void> {
  output.end();
  await finished(output).catch(() => {});
}

const refuseFiles: SessionHandler = async ({ stderr }) => {
  stderr.write("this is a build runner, not a file server: try 'ssh HOST help'\n");
  return catalogue.NOT_SUPPORTED.exit;
};
