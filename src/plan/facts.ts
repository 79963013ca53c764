import { Failure } from '../model/errors.js';
import type { BuilderSpec, Command, ProjectSpec } from '../model/project.js';
import { findEntry, type Tree } from '../model/tree.js';
import { parseDockerignore, type Ignore } from './dockerignore.js';
import { readText, subtree } from './trees.js';

/** What the repository says about how one project wants to be built. */
export type Facts = {
  /** The directory that the project is built from, before anything is added or ignored. */
  context: Tree;
  dockerfile: NamedText;
  /** Dockerfile of the builder image, where build.yml names one. */
  builderDockerfile?: NamedText;
  /** build.sh that names the image it wants to run in. */
  buildScript?: BuilderSpec;
  /** The Dockerfile's own test. */
  test?: Command;
};

export type NamedText = { name: string; text: string };

/** Larger ones are not read by people, and the engine gets them in one piece. */
const MAX_TEXT = 2 ** 20;

/** Reads what a project's plan depends on. Rejects with CONTEXT_NOT_FOUND or DOCKERFILE_NOT_FOUND. */
export async function readFacts(source: Tree, spec: ProjectSpec): Promise<Facts> {
  const context = spec.contextPath ? await subtree(source, spec.contextPath) : source;
  const dockerfile = await readDockerfileText(context, spec.dockerfile ?? 'Dockerfile', spec.contextPath);
  const buildScript = readBuildScript(await readText(context, 'build.sh', MAX_TEXT));
  const test = readTest(dockerfile.text);
  return {
    context,
    dockerfile,
    ...(spec.builder?.kind === 'dockerfile' && {
      builderDockerfile: await readDockerfileText(context, spec.builder.dockerfile, spec.contextPath),
    }),
    ...(buildScript && { buildScript }),
    ...(test !== undefined && { test }),
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

/** function61/buildbot's rule: the line names the image, and the script runs where the source is. */
function readBuildScript(text: string | undefined): BuilderSpec | undefined {
  const image = /^[ \t]*#[ \t]*build_inside_docker_image=(\S+)/m.exec(text ?? '')?.[1];
  if (image === undefined) return undefined;
  // Mercurial on Windows cannot set the executable bit, says the seed.
  const command = 'chmod +x build.sh && exec ./build.sh';
  return { kind: 'image', image, command, extract: '/project', cache: [] };
}

function readTest(dockerfile: string): Command | undefined {
  const command = /^[ \t]*#[ \t]*test_in_container_entrypoint=(.*\S)/m.exec(dockerfile)?.[1];
  // A single program needs no shell, and an image made from scratch has none.
  return command !== undefined && /^[\w./-]+$/.test(command) ? [command] : command;
}

async function readDockerfileText(
  context: Tree,
  name: string,
  directory: string | undefined,
): Promise<NamedText> {
  const text = await readText(context, name, MAX_TEXT);
  if (text !== undefined) return { name, text };
  const entry = findEntry(await context.entries(), name);
  const place = directory ? `directory '${directory}' of the source` : 'the source';
  if (entry?.type === 'directory')
    throw new Failure('DOCKERFILE_NOT_FOUND', `'${name}' in ${place} is a directory, not a Dockerfile`);
  throw new Failure('DOCKERFILE_NOT_FOUND', `there is no '${name}' in ${place}`);
}
