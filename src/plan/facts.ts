import { Failure } from '../model/errors.js';
import type { BuilderSpec, Command, ProjectSpec } from '../model/project.js';
import { findEntry, type Tree } from '../model/tree.js';
import { checkRevfile, VERSION } from './added-files.js';
import { atPlace } from './at-place.js';
import { type BuildScript, readBuildScript } from './build-script.js';
import { parseDockerignore, type Ignore } from './dockerignore.js';
import { findFile, readText, subtree } from './trees.js';

/** What the repository says about how one project wants to be built. */
export type Facts = {
  /** The directory that the project is built from, before anything is added or ignored. */
  context: Tree;
  /** Without text where the source has none: the builder makes it. */
  dockerfile: NamedText;
  /** Dockerfile of the builder image, where build.yml names one. */
  builderDockerfile?: NamedText;
  /** build.sh that names the image it wants to run in. */
  buildScript?: BuilderSpec;
  /** The Dockerfile's own test. */
  test?: Command;
  /** What the context leaves out. Absent where a builder makes the context: then its own ignore file counts. */
  ignore?: Ignore;
  /** What the caller should know, a line each. */
  warnings: readonly string[];
};

export type NamedText = { name: string; text: string };

const KEPT = `${VERSION} is a directory of the source, so no file of that name is written into the context`;

/** Larger ones are not read by people, and the engine gets them in one piece. */
const MAX_TEXT = 2 ** 20;

/**
 * Reads what a project's plan depends on. Rejects with CONTEXT_NOT_FOUND, DOCKERFILE_NOT_FOUND, BUILD_YML_INVALID for what build.yml names
 * and the source has otherwise, or TREE_INVALID.
 */
export async function readFacts(source: Tree, spec: ProjectSpec): Promise<Facts> {
  const directory = await contextOf(source, spec);
  const script: BuildScript = spec.builder
    ? { context: directory }
    : await readBuildScript(directory, MAX_TEXT);
  const { builder: buildScript, context, warning } = script;
  const dockerfile = await readMainDockerfile(directory, spec, spec.builder ?? buildScript);
  await checkRevfile(directory, spec);
  const test = readTest(dockerfile.text);
  const keepsVersion = findEntry(await context.entries(), VERSION)?.type === 'directory';
  return {
    context,
    dockerfile,
    ...(spec.builder?.kind === 'dockerfile' && {
      builderDockerfile: await readDockerfileText(directory, {
        name: spec.builder.dockerfile,
        key: 'build.dockerfile',
        spec,
      }),
    }),
    ...(buildScript && { buildScript }),
    ...(test !== undefined && { test }),
    ...(!spec.builder && !buildScript && { ignore: await readIgnore(context, dockerfile.name) }),
    warnings: [...(warning === undefined ? [] : [warning]), ...(keepsVersion ? [KEPT] : [])],
  };
}

/** What a context leaves out. A Dockerfile's own ignore file takes precedence (docs.docker.com/build/concepts/context). */
export async function readIgnore(context: Tree, dockerfile: string): Promise<Ignore> {
  for (const name of [`${dockerfile}.dockerignore`, '.dockerignore']) {
    const text = await readText(context, name, MAX_TEXT);
    if (text !== undefined) return parseDockerignore(text, name);
  }
  return parseDockerignore('');
}

/** Whether what a builder leaves stands in place of the source, its Dockerfile too. */
export function leavesProject(builder: BuilderSpec): boolean {
  return builder.kind === 'image' && builder.extract === '/project';
}

/**
 * Facts with the Dockerfile as it is in a tree that a builder has left: the same ones where it is not there, or as it was. Rejects with
 * DOCKERFILE_NOT_FOUND where the source has none either.
 */
export async function rereadDockerfile(tree: Tree, facts: Facts): Promise<Facts> {
  const { name } = facts.dockerfile;
  const text = await readText(tree, name, MAX_TEXT);
  if (text === undefined && facts.dockerfile.text === '') {
    throw new Failure(
      'DOCKERFILE_NOT_FOUND',
      `there is no '${name}' in the source, and the builder left none`,
    );
  }
  if (text === undefined || text === facts.dockerfile.text) return facts;
  const { test: _, ...rest } = facts;
  const test = readTest(text);
  return { ...rest, dockerfile: { name, text }, ...(test !== undefined && { test }) };
}

function readTest(dockerfile: string): Command | undefined {
  const command = /^[ \t]*#[ \t]*test_in_container_entrypoint=(.*\S)/m.exec(dockerfile)?.[1];
  // A single program needs no shell, and an image made from scratch has none.
  return command !== undefined && /^[\w./-]+$/.test(command) ? [command] : command;
}

/** A builder that leaves the whole project may make it. */
async function readMainDockerfile(
  directory: Tree,
  spec: ProjectSpec,
  builder: BuilderSpec | undefined,
): Promise<NamedText> {
  const name = spec.dockerfile ?? 'Dockerfile';
  const isMade = builder && leavesProject(builder) && (await findFile(directory, name)) === undefined;
  return isMade ? { name, text: '' } : await readDockerfileText(directory, { name, key: 'dockerfile', spec });
}

/** `name`, which build.yml has under `key`, if it has it at all. */
async function readDockerfileText(
  context: Tree,
  { name, key, spec }: { name: string; key: string; spec: ProjectSpec },
): Promise<NamedText> {
  const place = spec.contextPath ? `directory '${spec.contextPath}' of the source` : 'the source';
  const where = { keys: [key, 'dockerfilePath'], hint: `'${key}' names it, relative to dockerfilePath` };
  return atPlace(spec, where, async () => {
    const found = await findFile(context, name);
    if (found === undefined) throw new Failure('DOCKERFILE_NOT_FOUND', `there is no '${name}' in ${place}`);
    if ('trouble' in found)
      throw new Failure('DOCKERFILE_NOT_FOUND', `'${name}' in ${place} ${found.trouble}`);
    return { name, text: (await readText(context, name, MAX_TEXT))! };
  });
}

const CONTEXT = { keys: ['dockerfilePath'], hint: 'name a directory of the source' };

function contextOf(source: Tree, spec: ProjectSpec): Promise<Tree> {
  const { contextPath } = spec;
  if (!contextPath) return Promise.resolve(source);
  return atPlace(spec, CONTEXT, () => subtree(source, contextPath));
}
