import { Failure } from '../model/errors.js';
import type { ProjectSpec } from '../model/project.js';

/**
 * Runs `work`, whose failure is about a value that build.yml gave under one of `keys`, the first that stands there counting: then the
 * failure says where, with a `hint` that knows of no flags. Without such a key it stays as it is.
 */
export async function atPlace<T>(
  { places }: ProjectSpec,
  { keys, hint }: { keys: readonly string[]; hint: string },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const key = keys.find((name) => places?.has(name));
    if (!(error instanceof Failure) || key === undefined) throw error;
    throw new Failure(error.code, `${places!.get(key)}: ${error.message}`, { hint, cause: error.cause });
  }
}
