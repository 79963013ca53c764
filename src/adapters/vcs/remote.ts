import { Failure, type FailureCode } from '../../model/errors.js';
import type { RepositoryUrl } from '../../model/repository.js';
import type { StepIO } from '../../ports.js';
import { runProgram, type CommandResult, type Program } from './command.js';
import type { Proof } from './proofs.js';
import type { Trouble } from './trouble.js';

/** What talking to a forge takes, for one caller and one repository. */
export type RemoteSettings = {
  repository: RepositoryUrl;
  /** Made at the first use: a call that needs no network writes no key. */
  environment: () => Promise<NodeJS.ProcessEnv>;
  /** Where the program is started, outside of any repository. */
  directory: string;
  proof: Proof;
  io: StepIO;
};

/** Runs the program; the caller sees at once what the other side says. Resolves with whatever code it ends with. */
export async function runRemote(
  words: readonly [Program, ...string[]],
  { environment, directory, io }: RemoteSettings,
  extra: NodeJS.ProcessEnv = {},
): Promise<CommandResult> {
  return await runProgram(words, {
    environment: { ...(await environment()), ...extra },
    directory,
    signal: io.signal,
    onLine: (line) => (isRemotes(line) ? log(io, line) : undefined),
  });
}

/**
 * The failure that a program's stderr tells of. What the program and ssh themselves said is shown only now: a refusal that is got
 * round is no news.
 */
export async function remoteFailure(
  stderr: string,
  { repository, proof, io }: RemoteSettings,
  { program, classify }: { program: Program; classify: (stderr: string) => Trouble },
): Promise<Failure> {
  await logProgram(program, stderr, io);
  const { code, what, ...details } = classify(stderr);
  if (REFUSALS.has(code)) proof.forget();
  return new Failure(code, `${repository.display}: ${what}`, { ...details, cause: stderr });
}

/** With these a forge takes back that it has accepted the caller; some hide what one may not read. */
const REFUSALS: ReadonlySet<FailureCode> = new Set(['SOURCE_DENIED', 'REPOSITORY_NOT_FOUND']);

/** Shows the caller what a program said, without what the other side said, which has been shown. */
export async function logProgram(program: Program, stderr: string, io: StepIO): Promise<void> {
  for (const line of stderr.split(/[\r\n]+/)) {
    // Marked, since its own `error: …` is not yet the verdict.
    if (line !== '' && !isRemotes(line)) await log(io, `${program}: ${line}`);
  }
}

function isRemotes(line: string): boolean {
  return line.startsWith('remote: ');
}

function log({ emit }: StepIO, line: string): void | Promise<void> {
  return emit({ type: 'log', stream: 'stderr', text: `${line.trimEnd()}\n` });
}
