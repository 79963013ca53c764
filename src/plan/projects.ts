import { Failure } from '../model/errors.js';
import type { ProjectSpec } from '../model/project.js';
import { formatReference, parseReference } from '../model/reference.js';
import type { BuildRequest } from '../model/request.js';
import { suggest } from '../model/suggest.js';
import type { Tree } from '../model/tree.js';
import { parseBuildYml } from './build-yml/parse.js';
import { readText } from './trees.js';

/** Bytes of a build.yml that are read; one more than it may have, so that its parser can say so. */
const MAX_BUILD_YML = 2 ** 20 + 1;

/**
 * What is to be built: the projects of build.yml, or one for each `Dockerfile_NAME`, or the one that the flags describe. Flags win over
 * what the repository says. Rejects with BUILD_YML_INVALID or USAGE.
 */
export async function readProjects(source: Tree, request: BuildRequest): Promise<ProjectSpec[]> {
  const text = await readText(source, 'build.yml', MAX_BUILD_YML);
  const listed = text === undefined ? [] : parseBuildYml(text).projects;
  // A file of settings alone says nothing of projects.
  const hasProjects = listed.length > 0;
  const specs = hasProjects ? listed : await dockerfileProjects(source, request);
  const { projects, serviceId } = request;
  const chosen = choose(specs, hasProjects && serviceId !== undefined ? [...projects, serviceId] : projects);
  const image = request.delivery.image;
  if (hasProjects && image !== undefined && chosen.length > 1) {
    throw new Failure(
      'USAGE',
      `--image '${image}' names one image, but build.yml has ${chosen.length} projects`,
      {
        hint: `choose one with --project: ${chosen.map(({ name }) => name).join(', ')}`,
      },
    );
  }
  return chosen.map((spec) => withFlags(spec, request, !hasProjects));
}

function choose(specs: readonly ProjectSpec[], projects: readonly string[]): readonly ProjectSpec[] {
  if (projects.length === 0) return specs;
  const names = specs.map(({ name }) => name);
  const unknown = projects.find((name) => !names.includes(name));
  if (unknown === undefined) return specs.filter(({ name }) => projects.includes(name));
  const near = suggest(unknown, names);
  throw new Failure(
    'USAGE',
    `--project '${unknown}' does not exist${near === undefined ? '' : `, did you mean '${near}'?`}`,
    {
      hint: `there is ${names.join(', ')}`,
    },
  );
}

/** fruty_docker-ci's rule: every `Dockerfile_NAME` yields an image of its own, beside that of `Dockerfile` where there is one. */
async function dockerfileProjects(source: Tree, request: BuildRequest): Promise<ProjectSpec[]> {
  const { contextPath, file } = request.image;
  // Where there is only one Dockerfile, the caller may name its project; of several it chooses.
  const only = emptyProject(request.serviceId ?? request.projects[0] ?? projectName(request));
  if (file !== undefined) return [only];
  const directory = contextPath ? `${contextPath}/` : '';
  const names = (await source.entries()).flatMap(({ type, path }) => {
    const name = type !== 'directory' && path.startsWith(directory) ? path.slice(directory.length) : '';
    return /^Dockerfile(?:_[A-Za-z0-9][A-Za-z0-9._-]*)?$/.test(name) ? [name] : [];
  });
  const named = names.filter((name) => name !== 'Dockerfile');
  // function61/buildbot knew no other.
  const isSeed = request.serviceId !== undefined && names.includes('Dockerfile');
  if (named.length === 0 || isSeed) return [only];
  checkVariants(named);
  const variants = named.map((name) => variant(name, request.delivery.image));
  if (!names.includes('Dockerfile')) return variants;
  // One `Dockerfile_NAME` may be called as the image or the repository is.
  const taken = new Set(variants.map(({ name }) => name));
  let name = projectName(request);
  while (taken.has(name)) name += '_main';
  return [emptyProject(name), ...variants];
}

// Names of images have no capitals, those of files do.
function checkVariants(dockerfiles: readonly string[]): void {
  const files = new Map<string, string>();
  for (const file of dockerfiles) {
    const other = files.get(variantName(file));
    if (other !== undefined) {
      throw new Failure('USAGE', `${other} and ${file} would both be the image '…_${variantName(file)}'`, {
        hint: 'rename one, or choose one with --file',
      });
    }
    files.set(variantName(file), file);
  }
}

function variantName(dockerfile: string): string {
  return dockerfile.slice('Dockerfile_'.length).toLowerCase();
}

function variant(dockerfile: string, image: string | undefined): ProjectSpec {
  const name = variantName(dockerfile);
  return { ...emptyProject(name), dockerfile, ...(image !== undefined && { image: `${image}_${name}` }) };
}

function emptyProject(name: string): ProjectSpec {
  return { name, tags: [], args: new Map(), secrets: [], tests: [], publish: [], notify: [] };
}

// The last part of the image's name, else of the repository's, which a context has not.
function projectName({ delivery, source }: BuildRequest): string {
  const first = delivery.image ?? delivery.tags.find((tag) => tag.includes(':'));
  const image =
    first === undefined ? undefined : formatReference({ ...parseReference(first), tag: undefined });
  const repository =
    source.kind === 'context' ? 'context' : source.url.replace(/(?<!\/)\/+$/, '').replace(/\.git$/, '');
  return (image ?? repository).split(/[/:]/).at(-1)!;
}

function withFlags(spec: ProjectSpec, { image, delivery }: BuildRequest, isOnly: boolean): ProjectSpec {
  // What a flag replaces is no matter of build.yml any more.
  const places = new Map(spec.places);
  if (image.contextPath !== undefined) places.delete('dockerfilePath');
  if (image.file !== undefined) places.delete('dockerfile');
  const name = spec.image === undefined || !isOnly ? (delivery.image ?? spec.image) : spec.image;
  return {
    ...spec,
    places,
    ...(name !== undefined && { image: name }),
    ...(image.contextPath !== undefined && { contextPath: image.contextPath }),
    ...(image.file !== undefined && { dockerfile: image.file }),
    ...(image.builder && { builder: image.builder }),
    tags: delivery.tags.length > 0 ? delivery.tags : spec.tags,
    args: new Map([...spec.args, ...image.buildArgs]),
    tests: [...spec.tests, ...image.tests],
    publish: [...spec.publish, ...image.publish],
  };
}
