import { z } from 'zod';
import { resultSchema } from './result.js';

/** The steps of a build, in the order in which they run. */
export const stepNames = [
  'queue',
  'source',
  'plan',
  'builder',
  'image',
  'test',
  'publish',
  'push',
  'notify',
] as const;
export type StepName = (typeof stepNames)[number];

const step = z.enum(stepNames);
const project = z
  .string()
  .describe('project of build.yml; absent for what concerns the whole build')
  .optional();
const base = {
  time: z.iso.datetime().describe('when it happened, by the clock of the runner'),
  build: z.string().describe('id of the build'),
};

export const eventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('build.queued'),
    ...base,
    ahead: z.int().min(0).describe('places that have to be given back before this build starts'),
  }),
  z.object({ type: z.literal('build.started'), ...base }),
  z.object({
    type: z.literal('plan'),
    ...base,
    steps: z.array(
      z.object({ step, project, what: z.string().describe('what the step will do, for people') }),
    ),
    projects: z
      .array(
        z.object({
          project: z.string(),
          refs: z.array(z.string()),
          push: z.boolean().describe('false: the image stays in the engine'),
          steps: z.array(z.looseObject({ step })).describe('each step with all that it was told'),
          notify: z.array(z.string()),
        }),
      )
      .describe('the same for programs'),
  }),
  z.object({ type: z.literal('step.started'), ...base, step, project }),
  z.object({
    type: z.literal('log'),
    ...base,
    step,
    project,
    stream: z.enum(['stdout', 'stderr']),
    text: z.string().describe('one line of output, without its line end'),
  }),
  z.object({
    type: z.literal('progress'),
    ...base,
    step,
    project,
    what: z.string().describe('what is transferred, e.g. a layer'),
    current: z.number().describe('bytes so far'),
    total: z.number().describe('bytes in all, 0 where nobody knows'),
  }),
  z.object({ type: z.literal('warning'), ...base, step: step.optional(), project, message: z.string() }),
  z.object({
    type: z.literal('step.finished'),
    ...base,
    step,
    project,
    status: z.enum(['succeeded', 'failed', 'cancelled']),
    seconds: z.number(),
    cached: z.boolean().describe('the engine had done all of it before').optional(),
  }),
  z.object({ type: z.literal('result'), ...base, ...resultSchema.shape }),
]);

/**
 * What happens in a build, in order, ended by exactly one `result`. In the runner, `log.text` may hold several lines at once,
 * each with its line end: splitting them is the JSON renderer's work, since a million small events cost more than the build.
 */
export type BuildEvent = z.infer<typeof eventSchema>;
export type EventOf<T extends BuildEvent['type']> = Extract<BuildEvent, { type: T }>;

/** An event as a step emits it: the runner adds time, build, step and project. */
export type StepEvent =
  | { type: 'log'; stream: 'stdout' | 'stderr'; text: string }
  | { type: 'progress'; what: string; current: number; total: number }
  | { type: 'warning'; message: string };

/** Takes an event. A promise means: wait for it before emitting more, the reader is slow. Never rejects. */
export type Emit<E> = (event: E) => void | Promise<void>;
