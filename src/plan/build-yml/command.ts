import { z } from 'zod';
import type { Command } from '../../model/project.js';
import { anyScalar } from './fields.js';
import { unfit } from './unfit.js';

const accepted = 'a command: a text for sh -c, like "npm test", or a list without a shell, like [npm, test]';

const line = anyScalar(accepted, (value) => {
  if (value.trim() === '') throw unfit('the command is empty');
  return value;
});
const word = anyScalar('a text', (value) => value);
const words = z.array(word, { error: accepted }).transform((list, context): [string, ...string[]] => {
  const [program, ...rest] = list;
  if (program) return [program, ...rest];
  context.issues.push({ code: 'custom', message: 'the command is empty', input: list });
  return z.NEVER;
});

/** One command. */
export const command = z.union([line, words], { error: accepted });

/** Commands in their order; a single text is a list of one. */
export const commands = z
  .union([line, z.array(command)], { error: 'a list of commands, like [npm test, make lint]' })
  .transform((value): readonly Command[] => (typeof value === 'string' ? [value] : value));
