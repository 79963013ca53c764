import { z } from 'zod';
import { catalogue, type FailureCode } from './errors.js';

const codes = Object.keys(catalogue) as [FailureCode, ...FailureCode[]];

export const statuses = ['succeeded', 'failed', 'denied', 'cancelled', 'timed-out', 'busy', 'error'] as const;
export type Status = (typeof statuses)[number];

/** The verdict, as the caller gets it on stdout and in the `result` event. */
export const resultSchema = z.object({
  version: z.literal(1).describe('of this format'),
  id: z.string(),
  status: z.enum(statuses),
  exitCode: z.int(),
  failure: z
    .object({
      step: z.string().describe('the step that failed; `request` before the first one').optional(),
      project: z.string().optional(),
      code: z.enum(codes),
      message: z.string().describe('one line: what, where, what to do'),
      commandExitCode: z
        .int()
        .describe("exit code of the command that failed in the caller's build")
        .optional(),
      log: z.array(z.string()).describe('the last 50 lines of the step that failed'),
    })
    .optional(),
  source: z
    .object({
      repo: z.string().describe('its URL; `-` for a context from stdin'),
      ref: z.string().describe('branch or tag that was asked for, or the commit id').optional(),
      revision: z.string().describe('full commit id; of a context, a name of its content'),
      committedAt: z.iso.datetime(),
      author: z.string(),
    })
    .optional(),
  images: z.array(
    z.object({
      project: z.string(),
      name: z.string().describe('without tag'),
      id: z.string().describe('the image in the engine (sha256 of its configuration)'),
      digest: z
        .string()
        .describe('of the manifest, from the answer of the registry; absent where nothing was pushed')
        .optional(),
      size: z.int().describe('bytes, unpacked'),
      platform: z.string().describe('e.g. linux/amd64'),
      base: z.string().describe('the image that the last stage starts from').optional(),
      refs: z.array(z.object({ ref: z.string(), pushed: z.boolean(), digest: z.string().optional() })),
    }),
  ),
  published: z.array(z.object({ to: z.string(), url: z.string(), files: z.int(), bytes: z.int() })),
  steps: z.array(
    z.object({
      name: z.string(),
      project: z.string().optional(),
      status: z.enum(['succeeded', 'failed', 'cancelled']),
      seconds: z.number(),
      cached: z.boolean().optional(),
    }),
  ),
  queuedAt: z.iso.datetime(),
  startedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime(),
  receipt: z
    .string()
    .describe(
      'what was made from what, by whose request and with which flags, as one line of JSON without its line end; of succeeded builds on a runner with a host key',
    )
    .optional(),
  signature: z
    .string()
    .describe(
      'armored SSH signature (namespace buildbot-receipt) by the host key over the receipt and a line end; docs/receipts.md says how to verify it',
    )
    .optional(),
});

export type BuildResult = z.infer<typeof resultSchema>;
export type ImageResult = BuildResult['images'][number];
export type SourceResult = NonNullable<BuildResult['source']>;

/** The verdict's name for an exit code. The one place where the two meet. */
export function statusOf(exitCode: number): Status {
  switch (exitCode) {
    case 0:
      return 'succeeded';
    case 5:
      return 'denied';
    case 69:
    case 70:
      return 'error';
    case 75:
      return 'busy';
    case 124:
      return 'timed-out';
    case 130:
      return 'cancelled';
    default:
      return 'failed';
  }
}
