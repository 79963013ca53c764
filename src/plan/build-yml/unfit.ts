import { Failure } from '../../model/errors.js';

/** A value is not fit for its key. The message says why; whoever knows the place adds it. */
export function unfit(why: string): Failure {
  return new Failure('BUILD_YML_INVALID', why);
}
