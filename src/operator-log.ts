import type { Logger } from 'pino';
import type { Failure } from './model/errors.js';
import type { Built } from './run/built.js';

/** What the caller is not told stands here: the cause. A bug of ours is an error, all else is somebody's build. */
export function logFailure(log: Logger): (id: string, failure: Failure) => void {
  return (build, failure) => {
    const details = {
      ...(build !== '' && { build }),
      code: failure.code,
      ...(failure.cause !== undefined && { err: failure.cause }),
    };
    if (failure.code === 'INTERNAL') log.error(details, 'a bug in buildbot');
    else log.info(details, 'build failed');
  };
}

export function logSuccess(log: Logger): (built: Built) => void {
  return (built) => log.info(built, 'build succeeded');
}
