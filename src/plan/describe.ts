import { assertNever } from '../model/assert-never.js';
import type { EventOf } from '../model/events.js';
import type { Command } from '../model/project.js';
import { formatReference } from '../model/reference.js';
import type { ImageOptions } from '../model/request.js';
import type { Plan, ProjectPlan, Step, StepOf } from './step.js';

/** What the plan will do, a line for each step, in the order in which a lone project would see them. */
export function describePlan({ projects }: Plan): EventOf<'plan'>['steps'] {
  const named = projects.length > 1;
  return projects.flatMap((plan) => {
    const project = named ? { project: plan.project } : {};
    const steps = plan.steps.map((step) => ({ step: step.kind, ...project, what: describeStep(step, plan) }));
    const notify =
      plan.notify.length > 0 ? [{ step: 'notify' as const, ...project, what: plan.notify.join(', ') }] : [];
    return [...steps, ...notify];
  });
}

/** The whole plan, for programs. Of secrets, only their names. */
export function printablePlan({ projects }: Plan): EventOf<'plan'>['projects'] {
  return projects.map((plan) => ({
    project: plan.project,
    refs: plan.refs.map(formatReference),
    push: !plan.keep,
    steps: plan.steps.map((step) => ({ step: step.kind, ...printableStep(step) })),
    notify: [...plan.notify],
  }));
}

function printableStep(step: Step): Record<string, unknown> {
  switch (step.kind) {
    case 'builder':
      return {
        ...step.builder,
        ...('options' in step ? printableOptions(step.options) : { network: step.network }),
        secrets: step.secrets.map(({ id }) => id),
      };
    case 'image':
      return {
        dockerfile: step.dockerfile,
        base: step.base,
        ...printableOptions(step.options),
        secrets: step.secrets.map(({ id }) => id),
      };
    case 'test':
      return {
        commands: step.commands,
        target: step.target,
        network: step.network,
        secrets: step.secrets.map(({ id }) => id),
      };
    case 'publish':
      return { targets: step.targets, network: step.network, secrets: step.secrets.map(({ id }) => id) };
    case 'push':
      return { refs: step.refs.map(formatReference), retries: step.retries };
    default:
      return assertNever(step);
  }
}

function printableOptions({ buildArgs, labels, cacheFrom, ...options }: ImageOptions) {
  const maps = { buildArgs: Object.fromEntries(buildArgs), labels: Object.fromEntries(labels) };
  return { ...options, ...maps, cacheFrom: cacheFrom.map(({ ref }) => formatReference(ref)) };
}

function describeStep(step: Step, { refs, name, keep }: ProjectPlan): string {
  switch (step.kind) {
    case 'builder':
      return step.builder.kind === 'image'
        ? `${describeCommand(step.builder.command)} in ${step.builder.image}, then take ${step.builder.extract}`
        : `${step.builder.dockerfile}, then take ${step.builder.extract}`;
    case 'image': {
      const from = step.base === undefined ? '' : ` from ${step.base}`;
      const kept =
        keep && refs.length > 0 ? `, kept in the engine as ${refs.map(formatReference).join(', ')}` : '';
      return `${name}: ${step.dockerfile}${from}${kept}`;
    }
    case 'test':
      return `${step.commands.map(describeCommand).join('; ')}${step.target === undefined ? '' : `, in ${describeTested(step)}`}`;
    case 'publish':
      return step.targets
        .map(({ copy, bucket, bucketPath }) => `${copy} to s3://${bucket}/${bucketPath}`)
        .join(', ');
    case 'push':
      return refs.map(formatReference).join(', ');
    default:
      return assertNever(step);
  }
}

/** What the tests run in. */
export function describeTested({ target, apart }: StepOf<'test'>): string {
  if (target === undefined) return 'the new image';
  return `the stage '${target}' of the Dockerfile${apart === true ? ', which is not made from what is delivered' : ''}`;
}

/** A command as a person would type it. */
export function describeCommand(command: Command): string {
  return typeof command === 'string' ? command : command.join(' ');
}
