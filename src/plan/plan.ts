import type { ProjectSpec } from '../model/project.js';
import { formatReference, parseReference, type ImageReference } from '../model/reference.js';
import type { BuildRequest, SecretMount } from '../model/request.js';
import type { SourceRevision } from '../model/source.js';
import { renderTags } from './build-yml/tags.js';
import { readDockerfile, type DockerfileFacts } from './dockerfile.js';
import type { Facts } from './facts.js';
import { imageLabels } from './labels.js';
import { addedFiles } from './added-files.js';
import { checkPlan } from './check-plan.js';
import type { Plan, ProjectPlan, Step, StepOf } from './step.js';

/** What is known of one project before it is planned. */
export type ProjectKnowledge = { spec: ProjectSpec; facts: Facts };

/** A request and what the repository says → what will be done. Pure. Throws Failure USAGE for what does not fit together. */
export function makePlan(
  request: BuildRequest,
  projects: readonly ProjectKnowledge[],
  revision: SourceRevision,
): Plan {
  const plan = { projects: projects.map((known) => planProject(request, known, revision)) };
  checkPlan(plan, request);
  return plan;
}

function planProject(
  request: BuildRequest,
  { spec, facts }: ProjectKnowledge,
  revision: SourceRevision,
): ProjectPlan {
  const refs = references(request, spec, revision);
  const dockerfile = readDockerfile(facts.dockerfile.text, { ...request.image, buildArgs: spec.args });
  const builder = spec.builder ?? facts.buildScript;
  const secrets = secretMounts(request, spec);
  const epoch = new Map([['SOURCE_DATE_EPOCH', String(Math.floor(revision.committedAt.getTime() / 1000))]]);
  const tests = [...(facts.test === undefined ? [] : [facts.test]), ...spec.tests];
  const target = dockerfile.testTarget === undefined ? {} : { target: dockerfile.testTarget };
  const steps: (Step | false)[] = [
    builder !== undefined && { kind: 'builder', builder, secrets, environment: epoch },
    imageStep(request, { spec, facts, dockerfile, revision, refs, epoch, secrets }),
    tests.length > 0 && { kind: 'test', commands: tests, ...target, secrets },
    spec.publish.length > 0 && { kind: 'publish', targets: spec.publish, secrets },
    request.delivery.push && { kind: 'push', refs, retries: request.delivery.pushRetries },
  ];
  return {
    project: spec.name,
    name: refs[0] === undefined ? spec.name : formatReference({ ...refs[0], tag: undefined }),
    refs,
    added: addedFiles(spec, revision, refs[0]?.tag ?? revision.id),
    steps: steps.filter((step) => step !== false),
    keep: !request.delivery.push,
    notify: spec.notify,
  };
}

type ImageParts = ProjectKnowledge & {
  dockerfile: DockerfileFacts;
  revision: SourceRevision;
  refs: readonly ImageReference[];
  epoch: ReadonlyMap<string, string>;
  secrets: readonly SecretMount[];
};

function imageStep({ image, source }: BuildRequest, parts: ImageParts): StepOf<'image'> {
  const { spec, facts, dockerfile, revision, refs, epoch, secrets } = parts;
  const all = imageLabels({ url: source.url, revision, version: refs[0]?.tag, title: spec.name });
  const labels = [...all].filter(([key]) => !dockerfile.labels.has(key));
  const { contextPath: _p, file: _f, secrets: _s, builder: _b, tests: _t, publish: _u, ...options } = image;
  return {
    kind: 'image',
    dockerfile: facts.dockerfile.name,
    ...(dockerfile.base !== undefined && { base: dockerfile.base }),
    options: {
      ...options,
      buildArgs: new Map([...epoch, ...spec.args]),
      labels: new Map([...labels, ...image.labels]),
    },
    secrets,
  };
}

function references(
  { delivery }: BuildRequest,
  spec: ProjectSpec,
  revision: SourceRevision,
): ImageReference[] {
  const image = spec.image ?? (delivery.tags.length > 0 ? undefined : spec.name);
  const tags = delivery.tags.length > 0 ? delivery.tags : renderTags(spec.tags, revision);
  const texts = tags.flatMap((tag) =>
    tag.includes(':') ? [tag] : image === undefined ? [] : [`${image}:${tag}`],
  );
  return [...new Set(texts)].map(parseReference);
}

function secretMounts({ image }: BuildRequest, { secrets }: ProjectSpec): SecretMount[] {
  const named = secrets.filter((name) => !image.secrets.some(({ id }) => id === name));
  return [...image.secrets, ...named.map((name) => ({ id: name, name }))];
}
