import type { BuildResult, ImageResult } from '../model/result.js';
import { formatReference } from '../model/reference.js';
import type { BuildRequest } from '../model/request.js';
import { asFailure } from '../model/errors.js';
import { readFacts, type Facts } from '../plan/facts.js';
import { describePlan, makePlan, type Plan } from '../plan/plan.js';
import type { BuiltImage, Clock, Engine, FetchedSource, Source, Workspaces } from '../ports.js';
import { buildImage, type ImageStep } from '../steps/image.js';
import { pushImage, type PushedReference, type PushStep } from '../steps/push.js';
import type { Journal } from './journal.js';

export type Ports = { source: Source; engine: Engine; workspaces: Workspaces; clock: Clock };

/** What a build has reached so far: what the result tells however it ends. */
export type Progress = Pick<BuildResult, 'source' | 'startedAt' | 'images'>;

export type Execution = { ports: Ports; journal: Journal; progress: Progress; signal: AbortSignal };

/** Plans the build of a fetched source and carries the plan out. Nothing that it made in the engine stays but what was asked for. */
export async function execute(
  request: BuildRequest,
  source: FetchedSource,
  execution: Execution,
): Promise<void> {
  const { ports, journal, signal } = execution;
  const { facts, plan } = await journal.step({ step: 'plan' }, signal, async () => {
    const facts = await readFacts(source.tree, request.image);
    return { facts, plan: makePlan(request, facts, source.revision) };
  });
  await journal.emit({ type: 'plan', ...journal.stamp, steps: describePlan(plan) });
  // The engine's own name for the image while the build lasts: nobody else's build can move it.
  const tag = `buildbot-build:b-${request.id}`;
  try {
    await runSteps(plan, { request, facts, tag, execution });
  } finally {
    await ports.engine.untag(tag).catch((error: unknown) => {
      const message = `could not remove ${tag} from the engine: ${asFailure(error).message}`;
      return journal.emit({ type: 'warning', ...journal.stamp, message });
    });
  }
}

type Work = { request: BuildRequest; facts: Facts; tag: string; execution: Execution };

async function runSteps(plan: Plan, work: Work): Promise<void> {
  for (const step of plan.steps) {
    if (step.kind === 'image') await runImage(step, plan, work);
    else await runPush(step, work);
  }
  if (work.request.delivery.push) return;
  for (const ref of plan.refs) await work.execution.ports.engine.tag(work.tag, ref);
}

async function runImage(
  step: ImageStep,
  plan: Plan,
  { request, facts, tag, execution }: Work,
): Promise<void> {
  const { ports, journal, progress, signal } = execution;
  const tools = { engine: ports.engine, facts, request, tag };
  const built = await journal.step({ step: 'image' }, signal, (io) => buildImage(step, tools, io));
  progress.images.push(describeImage(step, plan, built));
}

async function runPush(step: PushStep, { request, tag, execution }: Work): Promise<void> {
  const { ports, journal, progress, signal } = execution;
  const onPushed = (pushed: PushedReference) => {
    progress.images = progress.images.map((image) => withPushed(image, pushed));
  };
  const tools = {
    image: tag,
    engine: ports.engine,
    clock: ports.clock,
    registries: request.credentials.registries,
    onPushed,
  };
  await journal.step({ step: 'push' }, signal, (io) => pushImage(step, tools, io));
}

function describeImage(step: ImageStep, plan: Plan, { id, size, platform }: BuiltImage): ImageResult {
  const refs = plan.refs.map((ref) => ({ ref: formatReference(ref), pushed: false }));
  return {
    project: plan.project,
    name: plan.name,
    id,
    size,
    platform,
    ...(step.base !== undefined && { base: step.base }),
    refs,
  };
}

function withPushed(image: ImageResult, { ref, digest }: PushedReference): ImageResult {
  const refs = image.refs.map((known) => (known.ref === ref ? { ref, pushed: true, digest } : known));
  return { ...image, refs, digest };
}
