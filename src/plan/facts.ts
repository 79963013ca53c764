import { Failure } from '../model/errors.js';
import type { ImageRequest } from '../model/request.js';
import { findEntry, type Tree } from '../model/tree.js';
import { parseDockerignore, type Ignore } from './dockerignore.js';
import { readText, subtree } from './trees.js';

/** What the repository says about how it wants to be built. */
export type Facts = {
  /** The context, before anything is ignored. */
  context: Tree;
  dockerfile: { name: string; text: string };
  ignore: Ignore;
};

/** Larger ones are not read by people, and the engine gets them in one piece. */
const MAX_TEXT = 2 ** 20;

/** Reads what a plan depends on. Rejects with CONTEXT_NOT_FOUND or DOCKERFILE_NOT_FOUND. */
export async function readFacts(source: Tree, request: ImageRequest): Promise<Facts> {
  const context = request.contextPath ? await subtree(source, request.contextPath) : source;
  const dockerfile = await readDockerfileText(context, request.file ?? 'Dockerfile', request.contextPath);
  // A Dockerfile's own ignore file takes precedence (docs.docker.com/build/concepts/context).
  const own = `${dockerfile.name}.dockerignore`;
  const text = await readText(context, own, MAX_TEXT);
  const [name, ignoreText] =
    text === undefined ? ['.dockerignore', await readText(context, '.dockerignore', MAX_TEXT)] : [own, text];
  return { context, dockerfile, ignore: parseDockerignore(ignoreText ?? '', name) };
}

async function readDockerfileText(
  context: Tree,
  name: string,
  directory: string | undefined,
): Promise<Facts['dockerfile']> {
  const text = await readText(context, name, MAX_TEXT);
  if (text !== undefined) return { name, text };
  const entry = findEntry(await context.entries(), name);
  const place = directory ? `directory '${directory}' of the source` : 'the source';
  if (entry?.type === 'directory')
    throw new Failure('DOCKERFILE_NOT_FOUND', `'${name}' in ${place} is a directory, not a Dockerfile`);
  throw new Failure('DOCKERFILE_NOT_FOUND', `there is no '${name}' in ${place}`);
}
