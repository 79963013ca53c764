import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { onAbort } from '../../model/abort.js';
import { Failure } from '../../model/errors.js';

/** The version control programs that the runner starts. */
export type Program = 'git' | 'hg';

export type Command = {
  environment: NodeJS.ProcessEnv;
  directory: string;
  signal: AbortSignal;
  /** Text for its standard input. */
  input?: string;
  /** Gets each line of stderr, without its line end. The next one is read when it has settled. */
  onLine?: (line: string) => void | Promise<void>;
  /** Reads standard output instead of keeping it as text. When it rejects the program is ended. */
  consume?: (stdout: Readable) => Promise<void>;
};

/** `stdout` is empty where it was consumed; `stderr`: the last part, as far as it is of use. */
export type CommandResult = { code: number; stdout: string; stderr: string };

const KEPT_STDERR = 64 * 1024;
const MAX_STDOUT = 256 * 2 ** 20;
/** Milliseconds between TERM and KILL. */
export const GRACE = 500;

/**
 * Runs a program as the leader of a process group, so that an abort ends its transports too (they outlive a
 * git that is killed alone). Resolves with whatever code it ends with; rejects when it cannot be started, when
 * `signal` aborts, and when a reader of its output rejects, after all of it has ended.
 */
export async function runProgram(
  [program, ...args]: readonly [Program, ...string[]],
  command: Command,
): Promise<CommandResult> {
  const { environment, directory, signal, input, onLine, consume } = command;
  signal.throwIfAborted();
  const child = spawn(program, args, { cwd: directory, env: environment, detached: true, stdio: 'pipe' });
  const ended = exitCode(child, program);
  // Where descriptors have run out, it has not even pipes.
  if (child.pid === undefined) await ended;
  const stop = killGroup(child, ended);
  using _abort = onAbort(signal, stop);
  try {
    child.stdin.on('error', () => undefined).end(input);
    const [code, stdout, stderr] = await Promise.all([
      ended,
      consume === undefined ? readAll(child.stdout, program) : consume(child.stdout).then(() => ''),
      readLines(child.stderr, onLine),
    ]);
    signal.throwIfAborted();
    return { code, stdout, stderr };
  } catch (error) {
    if (child.exitCode === null) stop();
    // It has not ended before its output has, which nobody may read any more.
    for (const stream of [child.stdout, child.stderr]) stream.on('error', () => undefined).resume();
    await ended.catch(() => undefined);
    throw error;
  }
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** The sentence for a program that is not there, or cannot be started. */
export function cannotStart(program: Program, cause: unknown): Failure {
  const { code = '' } = cause as NodeJS.ErrnoException;
  const lacking = LACKING[code];
  if (lacking !== undefined)
    return new Failure('RUNNER_FAILED', `${program} cannot be started: ${lacking} (${code})`, { cause });
  return new Failure('SOURCE_FAILED', `${program} cannot be started on the runner`, {
    hint: `the runner needs ${NEEDED[program]} or later in its PATH`,
    cause,
  });
}

/** What the machine has run out of, by errno(3). */
const LACKING: Record<string, string> = {
  EMFILE: 'the runner has no file descriptors left',
  ENFILE: 'the machine has no file descriptors left',
  ENOMEM: 'the machine has no memory left',
  EAGAIN: 'there are as many processes as there may be',
};

const NEEDED: Record<Program, string> = { git: 'git 2.36', hg: 'Mercurial 5.8' };

function exitCode(child: Child, program: Program): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(cannotStart(program, cause)));
    child.once('close', (code) => resolve(code ?? 128));
  });
}

function killGroup(child: Child, ended: Promise<unknown>): () => void {
  const send = (name: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // it has ended already
    }
  };
  return () => {
    send('SIGTERM');
    const timer = setTimeout(send, GRACE, 'SIGKILL');
    void ended.catch(() => undefined).finally(() => clearTimeout(timer));
  };
}

async function readAll(stream: Readable, program: Program): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_STDOUT)
      throw new Failure('SOURCE_FAILED', `${program} answered with more than ${MAX_STDOUT} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

async function readLines(stream: Readable, onLine: Command['onLine']): Promise<string> {
  let kept = '';
  let partial = '';
  stream.setEncoding('utf8');
  for await (const text of stream as AsyncIterable<string>) {
    kept = (kept + text).slice(-KEPT_STDERR);
    const lines = (partial + text).split(/[\r\n]+/);
    partial = (lines.pop() ?? '').slice(-KEPT_STDERR);
    for (const line of lines) if (line !== '') await onLine?.(line);
  }
  if (partial !== '') await onLine?.(partial);
  return kept;
}
