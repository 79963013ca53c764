import { randomBytes } from 'node:crypto';
import { asFailure } from '../model/errors.js';
import type { BuildRequest } from '../model/request.js';
import { describePlan, printablePlan } from '../plan/describe.js';
import { readFacts } from '../plan/facts.js';
import { checkImages } from '../plan/permit-images.js';
import { makePlan, type ProjectKnowledge } from '../plan/plan.js';
import type { Plan } from '../plan/step.js';
import { readProjects } from '../plan/projects.js';
import type { FetchedSource, StepIO } from '../ports.js';
import { announcePending } from './announce.js';
import { deliverAll } from './deliver.js';
import type { Execution, ProjectRun } from './execution.js';
import { produce } from './produce.js';
import { createRescue } from './rescue.js';
import { runSideBySide } from './side-by-side.js';

/**
 * Plans the build of a fetched source and carries the plan out: first everything is made and tested, project beside project, then
 * everything is delivered. Nothing that it made in the engine stays but what was asked for.
 */
export async function execute(
  request: BuildRequest,
  source: FetchedSource,
  execution: Execution,
): Promise<void> {
  const { ports, journal, progress, signal, queue } = execution;
  const { plan, known } = await journal.step({ step: 'plan' }, signal, (io) =>
    planBuild(request, source, io),
  );
  await journal.emit({
    type: 'plan',
    ...journal.stamp,
    steps: describePlan(plan),
    projects: printablePlan(plan),
  });
  if (request.goal === 'plan') return;
  progress.plan = plan;
  announcePending(request, execution);
  // The engine's own names for the images while the build lasts. Random, so that nobody can name a neighbour's in a FROM.
  const names = `${ports.runner}-${randomBytes(8).toString('hex')}`;
  const { openTerminal } = execution;
  const rescue = openTerminal && createRescue({ ports, openTerminal, tag: `buildbot-build:${names}-shell` });
  const runs = plan.projects.map((projectPlan, index): ProjectRun => ({
    plan: projectPlan,
    ...known[index]!,
    tag: `buildbot-build:${names}-${index}`,
    revision: source.revision,
    tested: undefined,
    rescue,
  }));
  try {
    await runSideBySide(runs, queue, (run) => produce(request, run, execution));
    await deliverAll(request, runs, execution);
  } finally {
    await forget(runs, execution);
  }
}

async function planBuild(
  request: BuildRequest,
  source: FetchedSource,
  { emit }: StepIO,
): Promise<{ plan: Plan; known: ProjectKnowledge[] }> {
  const specs = await readProjects(source.tree, request);
  const known: ProjectKnowledge[] = [];
  for (const spec of specs) known.push({ spec, facts: await readFacts(source.tree, spec) });
  // Projects may have a directory in common, and what is to say of it.
  const warnings = known.flatMap(({ spec, facts }) => [...(spec.warnings ?? []), ...facts.warnings]);
  for (const message of new Set(warnings)) await emit({ type: 'warning', message });
  const plan = makePlan(request, known, source.revision);
  checkImages(request.rights, plan);
  return { plan, known };
}

async function forget(
  runs: readonly ProjectRun[],
  { ports, journal, signal, progress }: Execution,
): Promise<void> {
  const hasImage = ({ plan, tested }: ProjectRun): boolean =>
    tested !== undefined || progress.images.some(({ project }) => project === plan.project);
  const removals = runs
    .flatMap((run) => [run.tag, run.tested ?? []].flat().map((tag) => ({ tag, run })))
    .map(({ tag, run }) =>
      ports.engine.untag(tag, signal).catch((error: unknown) => {
        // It has named nothing, or died while it did: then the removal is owed, and swept at the latest.
        if (!hasImage(run) && asFailure(error).code === 'ENGINE_UNREACHABLE') return undefined;
        const message = `could not remove ${tag} from the engine: ${error instanceof Error ? error.message : String(error)}`;
        return journal.emit({ type: 'warning', ...journal.stamp, message });
      }),
    );
  await Promise.all(removals);
}
