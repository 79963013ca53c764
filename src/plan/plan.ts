import type { BuildRequest, ImageOptions } from '../model/request.js';
import { formatReference, parseReference, type ImageReference } from '../model/reference.js';
import type { EventOf, StepName } from '../model/events.js';
import type { SourceRevision } from '../model/source.js';
import { readDockerfile } from './dockerfile.js';
import type { Facts } from './facts.js';
import { imageLabels } from './labels.js';

/** One thing that a build will do: plain data, printable before it runs. */
export type Step =
  | { kind: 'image'; project: string; dockerfile: string; base?: string; options: ImageOptions }
  | { kind: 'push'; project: string; refs: readonly ImageReference[]; retries: number };

export type Plan = {
  /** Names the image among the projects of this build. */
  project: string;
  /** Image name without a tag, for people and results. */
  name: string;
  refs: readonly ImageReference[];
  steps: readonly Step[];
};

/** A request and what the repository says → what will be done. Pure. Throws Failure USAGE for names that do not fit. */
export function makePlan(request: BuildRequest, facts: Facts, revision: SourceRevision): Plan {
  const refs = references(request, revision);
  const name = request.delivery.image ?? nameOf(refs) ?? 'image';
  const project = name.split('/').at(-1)!;
  const dockerfile = readDockerfile(facts.dockerfile.text, request.image);
  const labels = imageLabels({ url: request.source.url, revision, version: refs[0]?.tag, title: project });
  const image: Step = {
    kind: 'image',
    project,
    dockerfile: facts.dockerfile.name,
    ...(dockerfile.base !== undefined && { base: dockerfile.base }),
    options: imageOptions(
      request,
      [...labels].filter(([key]) => !dockerfile.labels.has(key)),
    ),
  };
  const push: Step = { kind: 'push', project, refs, retries: request.delivery.pushRetries };
  return { project, name, refs, steps: request.delivery.push ? [image, push] : [image] };
}

/** What the plan will do, a line for each step. */
export function describePlan({ steps }: Plan): EventOf<'plan'>['steps'] {
  return steps.map((step): { step: StepName; what: string } => {
    if (step.kind === 'push') return { step: 'push', what: step.refs.map(formatReference).join(', ') };
    return {
      step: 'image',
      what: `${step.dockerfile}${step.base === undefined ? '' : ` from ${step.base}`}`,
    };
  });
}

function references({ delivery }: BuildRequest, revision: SourceRevision): ImageReference[] {
  if (delivery.image === undefined) return delivery.tags.map(parseReference);
  const tags = delivery.tags.length > 0 ? delivery.tags : [revision.id];
  const texts = tags.map((tag) => (tag.includes(':') ? tag : `${delivery.image}:${tag}`));
  return [...new Set(texts)].map(parseReference);
}

function nameOf(refs: readonly ImageReference[]): string | undefined {
  return refs[0] && formatReference({ ...refs[0], tag: undefined });
}

function imageOptions({ image }: BuildRequest, labels: readonly [string, string][]): ImageOptions {
  const { contextPath: _path, file: _file, secrets: _secrets, ...options } = image;
  return { ...options, labels: new Map([...labels, ...image.labels]) };
}
