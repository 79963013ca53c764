import { asFailure } from '../model/errors.js';
import { repositoryOf } from '../model/reference.js';
import type { BuildRequest } from '../model/request.js';
import type { ImageResult } from '../model/result.js';
import { publishArtefacts } from '../steps/publish.js';
import { pushImage, type PushedReference } from '../steps/push.js';
import { createBarrier, type Barrier } from './barrier.js';
import { stepOf, type Execution, type ProjectRun } from './execution.js';

/** Publishes and pushes what all projects have made. Runs only when every one of them was built and tested. */
export async function deliverAll(
  request: BuildRequest,
  runs: readonly ProjectRun[],
  execution: Execution,
): Promise<void> {
  for (const run of runs) await publish(request, run, execution);
  const barrier = isSpread(runs) ? createBarrier(runs.length) : undefined;
  const pushed = await Promise.allSettled(runs.map((run) => push(request, run, { ...execution, barrier })));
  const failed = pushed.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
  for (const { plan, tag } of runs) {
    for (const ref of plan.keep ? plan.refs : []) {
      execution.signal.throwIfAborted();
      await execution.ports.engine.tag(tag, ref, execution.signal);
    }
  }
}

async function publish(
  request: BuildRequest,
  { plan, tag }: ProjectRun,
  execution: Execution,
): Promise<void> {
  const { ports, journal, progress, signal } = execution;
  const step = stepOf(plan, 'publish');
  if (!step) return;
  const { containers, artefacts } = ports;
  const onPublished = (published: (typeof progress.published)[number]) =>
    void progress.published.push(published);
  const tools = {
    containers,
    artefacts,
    build: request.id,
    image: tag,
    credentials: request.credentials,
    onPublished,
  };
  await journal.step({ step: 'publish', project: plan.project }, signal, (io) =>
    publishArtefacts(step, tools, io),
  );
}

async function push(
  request: BuildRequest,
  { plan }: ProjectRun,
  execution: Execution & { barrier: Barrier | undefined },
): Promise<void> {
  const { ports, journal, progress, signal, barrier } = execution;
  const step = stepOf(plan, 'push');
  if (!step) return;
  const onPushed = (pushed: PushedReference) => {
    progress.images = progress.images.map((image) =>
      image.project === plan.project ? withPushed(image, pushed) : image,
    );
  };
  const { registries } = request.credentials;
  const { id } = progress.images.find((image) => image.project === plan.project)!;
  const tools = {
    image: id,
    engine: ports.engine,
    clock: ports.clock,
    registries,
    onPushed,
    ...(barrier && { allUp: () => barrier.arrive() }),
  };
  try {
    await journal.step({ step: 'push', project: plan.project }, signal, (io) => pushImage(step, tools, io));
  } catch (error) {
    // Else the others would wait for this one for ever.
    barrier?.fail(asFailure(error));
    throw error;
  }
}

// In one repository, blobs and manifest are up before the first tag moves. Only between repositories can one be up and the other not.
function isSpread(runs: readonly ProjectRun[]): boolean {
  const repositories = runs.flatMap(({ plan }) => plan.refs.map(repositoryOf));
  return new Set(repositories).size > 1;
}

function withPushed(image: ImageResult, { ref, digest }: PushedReference): ImageResult {
  const refs = image.refs.map((known) => (known.ref === ref ? { ref, pushed: true, digest } : known));
  return { ...image, refs, digest };
}
