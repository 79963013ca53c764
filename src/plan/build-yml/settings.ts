import { z } from 'zod';
import { anyScalar, closed, list, text } from './fields.js';
import { unfit } from './unfit.js';

const MAX_PATTERN = 200;
const matching = closed("a map of 'branches', 'patterns' and 'tags'", {
  branches: list(
    'a list of branches, like [main]',
    anyScalar("a branch's name", (value) => value),
  )
    .optional()
    .describe('branches that are built'),
  patterns: list("a list of regular expressions, like ['^release/']", text('a regular expression', pattern))
    .optional()
    .describe('JavaScript regular expressions; a branch or tag that one of them matches is built'),
  tags: z
    .stringbool({ truthy: ['true'], falsy: ['false'], error: 'true or false' })
    .optional()
    .meta({ type: 'boolean', description: 'whether all tags are built; default: false' }),
});

export const settingsSchema = closed("a map of 'matching'", {
  matching: matching.optional().describe('which refs a webhook builds; without it, all'),
});

function pattern(value: string): string {
  if (value.length > MAX_PATTERN)
    throw unfit(`the regular expression has ${value.length} characters; at most ${MAX_PATTERN} are accepted`);
  try {
    RegExp(value);
  } catch (error) {
    throw unfit((error as Error).message);
  }
  return value;
}
