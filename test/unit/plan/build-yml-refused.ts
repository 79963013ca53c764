import { Failure } from '../../../src/model/errors.js';
import { parseBuildYml } from '../../../src/plan/build-yml/parse.js';

/** The message with which `text` is refused. Throws if it is accepted, or fails in another way. */
export function refused(text: string): string {
  try {
    parseBuildYml(text);
  } catch (error) {
    if (error instanceof Failure && error.code === 'BUILD_YML_INVALID' && error.exitCode === 2)
      return error.message;
    throw error;
  }
  throw new Error('accepted');
}
