import { statusOf, type BuildResult } from '../model/result.js';
import type { Failure } from '../model/errors.js';
import { createPump } from '../output/pump.js';
import { refusalOutput } from '../request/rights.js';
import type { Invocation } from './invocation.js';

type Refused = Pick<Invocation, 'words' | 'stdout' | 'stderr'> & {
  caller: Pick<Invocation['caller'], 'rights'>;
};

/** Says on stderr why a command is refused, and on stdout too where a program reads JSON there. */
export async function refuse(failure: Failure, { words, caller, stdout, stderr }: Refused): Promise<void> {
  await createPump(stderr)(`buildbot: ${failure.line}\n`);
  const output = refusalOutput(words, caller.rights);
  if (output === 'json' || output === 'result') await createPump(stdout)(refusal(failure, output));
}

/** What a program that reads JSON gets when a build was refused before it began: a result like any other. */
function refusal(failure: Failure, output: 'json' | 'result'): string {
  const now = new Date().toISOString();
  const result: BuildResult = {
    version: 1,
    id: '',
    status: statusOf(failure.exitCode),
    exitCode: failure.exitCode,
    failure: { code: failure.code, message: `${failure.message}; ${failure.hint}`, log: [] },
    images: [],
    published: [],
    steps: [],
    queuedAt: now,
    finishedAt: now,
  };
  return `${JSON.stringify(output === 'result' ? result : { type: 'result', time: now, build: '', ...result })}\n`;
}
