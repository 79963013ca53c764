import { Failure } from '../../model/errors.js';

/** What a shell says of a command that SIGKILL ended. */
const KILLED = 137;
const HINT = 'SIGKILL ended it, as the kernel does where memory runs out; see the log above';

/** A RUN that ended with `code`. Neither builder says whether it was out of memory. */
export function runFailed(instruction: string, code: number, lastLayer?: string): Failure {
  return new Failure('DOCKERFILE_FAILED', `'${instruction}' failed with exit code ${code}`, {
    commandExitCode: code,
    ...(lastLayer !== undefined && { lastLayer }),
    ...(code === KILLED && { hint: HINT }),
  });
}
