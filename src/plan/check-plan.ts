import { Failure } from '../model/errors.js';
import { formatReference } from '../model/reference.js';
import type { BuildRequest } from '../model/request.js';
import type { Plan, ProjectPlan } from './step.js';

/** What a plan must not ask for: everything that would fail later for want of something that the caller can give now. */
export function checkPlan(plan: Plan, request: BuildRequest): void {
  checkReferences(plan);
  for (const project of plan.projects) checkProject(project, request);
}

function checkProject({ project, refs, steps }: ProjectPlan, { credentials, delivery }: BuildRequest): void {
  if (delivery.push && refs.length === 0) {
    throw new Failure('USAGE', `--image is missing for project '${project}'`, {
      hint: 'name the image, registry included, or use --no-push',
    });
  }
  for (const step of steps) {
    const missing =
      'secrets' in step ? step.secrets.find(({ name }) => !credentials.secrets.has(name)) : undefined;
    if (missing) {
      throw new Failure('USAGE', `project '${project}' needs the secret '${missing.name}'`, {
        hint: `put secrets.${missing.name} into the credentials document`,
      });
    }
    if (step.kind === 'publish' && !credentials.s3) {
      throw new Failure('USAGE', `project '${project}' publishes to S3`, {
        hint: 'put s3 into the credentials document',
      });
    }
  }
}

// Two projects that push the same reference would overwrite each other.
function checkReferences({ projects }: Plan): void {
  const owners = new Map<string, string>();
  for (const { project, refs } of projects) {
    for (const ref of refs.map(formatReference)) {
      const owner = owners.get(ref);
      if (owner !== undefined) {
        throw new Failure('USAGE', `projects '${owner}' and '${project}' would both be ${ref}`, {
          hint: 'give each its own image or tag',
        });
      }
      owners.set(ref, project);
    }
  }
}
