import { z } from 'zod';
import { Failure } from '../../model/errors.js';
import { suggest } from '../../model/suggest.js';
import { quote } from './refuse.js';
import { unfit } from './unfit.js';

/**
 * The kinds of value that build.yml is made of. Each message of a schema says what is accepted; `problem.ts` adds where and what was
 * found instead.
 */

/** Also a number or a boolean: all scalars arrive as the text that stands in the file. */
const scalar = { type: ['string', 'number', 'boolean'] as unknown as 'string' };

/** A text that `read` checks and turns into what the plan needs. It throws a Failure that says what is wrong. */
export function text<T>(accepted: string, read: (value: string) => T) {
  return z.string({ error: accepted }).transform((value, context): T => {
    try {
      return read(value);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      context.issues.push({ code: 'custom', message: error.message, input: value });
      return z.NEVER;
    }
  });
}

/** The same, for what may look like a number in YAML: a tag `1.10`. */
export function anyScalar<T>(accepted: string, read: (value: string) => T) {
  return text(accepted, read).meta(scalar);
}

export function list<T extends z.ZodType>(accepted: string, item: T) {
  return z.array(item, { error: accepted });
}

/** A map with these keys and no other. `ignored`: keys that it may hold and that mean nothing, each with what to do instead. */
export function closed<T extends z.core.$ZodLooseShape>(
  accepted: string,
  shape: T,
  ignored: Readonly<Record<string, string>> = {},
) {
  const old = Object.entries(ignored).map(([key, instead]) => [
    key,
    z
      .unknown()
      .optional()
      .meta({ deprecated: true, description: `ignored: ${instead}` }),
  ]);
  return z.strictObject(
    // Nothing reads them: the type need not know of them.
    { ...shape, ...Object.fromEntries(old) } as T,
    {
      error: ({ code, keys }) =>
        code === 'unrecognized_keys' ? unknownKey(keys[0]!, Object.keys(shape)) : accepted,
    },
  );
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = key.length > 64 ? undefined : suggest(key, known);
  const meant = near === undefined ? '' : `did you mean ${quote(near)}? `;
  return `unknown key; ${meant}Accepted: ${known.join(', ')}`;
}

/** Takes what the pattern matches, as it is. */
export function named(what: string, pattern: RegExp) {
  return (value: string): string => {
    if (pattern.test(value)) return value;
    throw unfit(`${quote(value)} is no ${what}; it must match ${pattern.source}`);
  };
}
