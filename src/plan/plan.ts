import { Failure } from '../model/errors.js';
import type { BuilderSpec, ProjectSpec } from '../model/project.js';
import { formatReference, parseReference, type ImageReference } from '../model/reference.js';
import type { BuildRequest, ImageOptions, ImageRequest, SecretMount } from '../model/request.js';
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
  const inside = { secrets, ...(request.image.network === 'none' && { network: 'none' as const }) };
  const steps: (Step | false)[] = [
    builder !== undefined && builderStep(request, { builder, spec, facts, epoch, inside }),
    imageStep(request, { spec, facts, dockerfile, revision, refs, epoch, secrets }),
    tests.length > 0 && { kind: 'test', commands: tests, ...dockerfile.test, ...inside },
    spec.publish.length > 0 && { kind: 'publish', targets: spec.publish, ...inside },
    request.delivery.push && { kind: 'push', refs, retries: request.delivery.pushRetries },
  ];
  return {
    project: spec.name,
    name: nameOf(refs, spec),
    refs,
    added: addedFiles(spec, revision, refs[0]?.tag ?? revision.id),
    steps: steps.filter((step) => step !== false),
    keep: !request.delivery.push,
    notify: spec.notify,
  };
}

function builderStep(
  { image }: BuildRequest,
  {
    builder,
    spec,
    facts,
    epoch,
    inside,
  }: Pick<ImageParts, 'spec' | 'facts' | 'epoch'> & { builder: BuilderSpec; inside: Inside },
): StepOf<'builder'> {
  if (builder.kind === 'image') return { kind: 'builder', builder, ...inside, environment: epoch };
  const { args } = readDockerfile(facts.builderDockerfile!.text, { buildArgs: spec.args });
  // An engine complains of arguments that a Dockerfile does not declare, and these may be the image's alone.
  const declared = [...spec.args].filter(([name]) => args.has(name) || PREDEFINED_ARGS.test(name));
  const none = { labels: new Map<string, string>(), cacheFrom: [], inlineCache: false };
  const { target: _, ...options } = engineOptions(image);
  return {
    kind: 'builder',
    builder,
    secrets: inside.secrets,
    options: { ...options, ...none, buildArgs: new Map([...epoch, ...declared]) },
  };
}

/** Those that every Dockerfile has (docs.docker.com/reference/dockerfile, Predefined ARGs), and BuildKit's own. */
const PREDEFINED_ARGS = /^(?:(?:HTTPS?|FTP|ALL|NO)_PROXY|(?:https?|ftp|all|no)_proxy|BUILDKIT_\w+)$/;

function engineOptions(image: ImageRequest): ImageOptions {
  const { contextPath: _p, file: _f, secrets: _s, builder: _b, tests: _t, publish: _u, ...options } = image;
  return options;
}

/** What containers get. */
type Inside = Pick<StepOf<'test'>, 'secrets' | 'network'>;

type ImageParts = ProjectKnowledge & {
  dockerfile: DockerfileFacts;
  revision: SourceRevision;
  refs: readonly ImageReference[];
  epoch: ReadonlyMap<string, string>;
  secrets: readonly SecretMount[];
};

function imageStep({ image, source }: BuildRequest, parts: ImageParts): StepOf<'image'> {
  const { spec, facts, dockerfile, revision, refs, epoch, secrets } = parts;
  const all = imageLabels({ source, revision, version: refs[0]?.tag, title: spec.name });
  const labels = [...all].filter(([key]) => !dockerfile.labels.has(key));
  return {
    kind: 'image',
    dockerfile: facts.dockerfile.name,
    ...(dockerfile.base !== undefined && { base: dockerfile.base }),
    options: {
      ...engineOptions(image),
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
  // What build.yml describes, and what stays in the engine, may bear its project's name; what a caller has pushed does not.
  const mayBeOwn = !delivery.push || spec.places?.get('') !== undefined;
  const isWanted = delivery.tags.length === 0 || delivery.tags.some((tag) => !tag.includes(':'));
  const image = spec.image ?? (mayBeOwn && isWanted ? ownImage(spec) : undefined);
  const tags = delivery.tags.length > 0 ? delivery.tags : renderTags(spec.tags, revision);
  const bare = image === undefined && delivery.tags.find((tag) => !tag.includes(':'));
  if (bare) {
    throw new Failure('USAGE', `--image is missing, of which '${bare}' is to be a tag`, {
      hint: 'name the image, registry included, give the whole reference, or use --no-push',
    });
  }
  const texts = tags.flatMap((tag) =>
    tag.includes(':') ? [tag] : image === undefined ? [] : [`${image}:${tag}`],
  );
  return [...new Set(texts)].map(parseReference);
}

/** What the result calls the image: as the caller does, where it gets a reference of that name. */
function nameOf(refs: readonly ImageReference[], { name, image }: ProjectSpec): string {
  const names = refs.map((ref) => formatReference({ ...ref, tag: undefined }));
  return names.find((candidate) => candidate === image) ?? names[0] ?? name;
}

/** The name of a project as that of its image. */
function ownImage({ name, places }: ProjectSpec): string {
  if (isImageName(name)) return name;
  const place = places?.get('');
  const why = `'${name}' cannot be an image's name as it is`;
  throw place === undefined
    ? new Failure('USAGE', why, { hint: 'name the image with --image' })
    : new Failure('BUILD_YML_INVALID', `${place}: ${why}; say 'image: NAME' as well`);
}

function isImageName(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

function secretMounts({ image }: BuildRequest, { secrets }: ProjectSpec): SecretMount[] {
  const named = secrets.filter((name) => !image.secrets.some(({ id }) => id === name));
  return [...image.secrets, ...named.map((name) => ({ id: name, name }))];
}
