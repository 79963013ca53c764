import { formatReference } from '../model/reference.js';
import { sourcePlace, type BuildRequest } from '../model/request.js';
import type { ImageResult } from '../model/result.js';
import type { Tree } from '../model/tree.js';
import { withAddedFiles } from '../plan/added-files.js';
import { withCommitTime } from '../plan/commit-times.js';
import { leavesProject, readIgnore, rereadDockerfile } from '../plan/facts.js';
import { makePlan } from '../plan/plan.js';
import type { Plan, ProjectPlan, StepOf } from '../plan/step.js';
import { ignoreFiles } from '../plan/trees.js';
import type { BuiltImage } from '../ports.js';
import { runBuilder } from '../steps/builder.js';
import { buildImage } from '../steps/image.js';
import { testImage } from '../steps/test.js';
import { stepOf, type Execution, type ProjectRun } from './execution.js';

/** Makes a project's image and tests it: builder, image, test. Nothing leaves the engine. */
export async function produce(request: BuildRequest, run: ProjectRun, execution: Execution): Promise<void> {
  const source = await withAddedFiles(run.facts.context, run.plan.added, run.revision);
  const builder = stepOf(run.plan, 'builder');
  await using extracted = builder && (await build(builder, { request, run, execution, source }));
  const context = extracted
    ? await withAddedFiles(withCommitTime(extracted, run.revision.committedAt), run.plan.added, run.revision)
    : source;
  if (extracted && leavesProject(builder.builder)) await replan(request, run, context);
  const image = stepOf(run.plan, 'image')!;
  const visible = await make(image, { request, run, execution, context });
  const test = stepOf(run.plan, 'test');
  if (test) await testRun(test, image, { request, run, execution, context: visible });
}

/** Plans the image anew where the builder has made or changed its Dockerfile. */
async function replan(request: BuildRequest, run: ProjectRun, context: Tree): Promise<void> {
  const facts = await rereadDockerfile(context, run.facts);
  if (facts === run.facts) return;
  const { projects } = makePlan(request, [{ spec: run.spec, facts }], run.revision);
  [run.facts, run.plan] = [facts, projects[0]!];
}

type Work = { request: BuildRequest; run: ProjectRun; execution: Execution };

function build(
  step: StepOf<'builder'>,
  { request, run, execution, source }: Work & { source: Tree },
): Promise<Tree & AsyncDisposable> {
  const { ports, journal, signal, scratch } = execution;
  const tools = {
    ports,
    build: request.id,
    tag: `${run.tag}-builder`,
    // What one caller's builder leaves there, another's would run.
    cachesOf: `${request.credentials.owner} ${sourcePlace(request)}`,
    sharedKey: `${sourcePlace(request)}#${run.plan.project}#builder`,
    credentials: request.credentials,
    context: source,
    dockerfile: run.facts.builderDockerfile,
    scratch,
    onFailed: run.rescue?.inContainer,
  };
  return journal.step({ step: 'builder', project: run.plan.project }, signal, (io) =>
    runBuilder(step, tools, io),
  );
}

/** Gives what the Dockerfile saw of the context. */
async function make(
  step: StepOf<'image'>,
  { request, run, execution, context }: Work & { context: Tree },
): Promise<Tree> {
  const { ports, journal, progress, signal } = execution;
  const { facts, plan, tag } = run;
  const built = await journal.step({ step: 'image', project: plan.project }, signal, async (io) => {
    const ignore = facts.ignore ?? (await readIgnore(context, facts.dockerfile.name));
    const visible = ignoreFiles(context, ignore);
    const tools = { ...imageTools({ request, run, execution, context: visible }, tag), engine: ports.engine };
    try {
      return { ...(await buildImage(step, tools, io)), visible };
    } catch (error) {
      const isolated = step.options.network === 'none' && { network: 'none' as const };
      await run.rescue?.inImage(error, { build: request.id, ...isolated }, io);
      throw error;
    }
  });
  progress.images = inOrder([...progress.images, describeImage(step, plan, built)], progress.plan);
  return built.visible;
}

async function testRun(
  step: StepOf<'test'>,
  image: StepOf<'image'>,
  work: Work & { context: Tree },
): Promise<void> {
  const { request, run, execution } = work;
  const { ports, journal, signal } = execution;
  await journal.step({ step: 'test', project: run.plan.project }, signal, async (io) => {
    if (step.target !== undefined) {
      run.tested = `${run.tag}-test`;
      const tested = { ...image, options: { ...image.options, target: step.target } };
      await buildImage(tested, { ...imageTools(work, run.tested), engine: ports.engine }, io);
    }
    const tools = {
      containers: ports.containers,
      build: request.id,
      image: run.tested ?? run.tag,
      credentials: request.credentials,
      onFailed: run.rescue?.inContainer,
    };
    await testImage(step, tools, io);
  });
}

function imageTools({ request, run, context }: Work & { context: Tree }, tag: string) {
  const sharedKey = `${sourcePlace(request)}#${run.plan.project}`;
  return { credentials: request.credentials, context, dockerfile: run.facts.dockerfile, sharedKey, tag };
}

/** As the plan has the projects, whichever was built first. */
function inOrder(images: readonly ImageResult[], plan: Plan | undefined): ImageResult[] {
  const places = new Map(plan?.projects.map(({ project }, at) => [project, at]));
  return images.toSorted((a, b) => (places.get(a.project) ?? 0) - (places.get(b.project) ?? 0));
}

function describeImage(
  step: StepOf<'image'>,
  plan: ProjectPlan,
  { id, size, platform }: BuiltImage,
): ImageResult {
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
