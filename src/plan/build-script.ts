import { Failure } from '../model/errors.js';
import type { BuilderSpec } from '../model/project.js';
import { parseReference } from '../model/reference.js';
import type { Tree } from '../model/tree.js';
import { changeEntries } from './changed-entries.js';
import { findFile, readText } from './trees.js';

const NAME = 'build.sh';

/** What there is of build.sh: a builder and the tree that it runs in, or why the file counts for nothing. */
export type BuildScript = { builder?: BuilderSpec; context: Tree; warning?: string };

/** function61/buildbot's rule: a line names the image, and the script runs in it where the source is. Rejects as `readText` does. */
export async function readBuildScript(context: Tree, maxBytes: number): Promise<BuildScript> {
  const text = await readText(context, NAME, maxBytes);
  if (text === undefined) return { context };
  const image = /^[ \t]*#[ \t]*build_inside_docker_image=(\S+)/m.exec(text)?.[1];
  if (image === undefined) {
    return {
      context,
      warning: `${NAME} is not run: it has no line '#build_inside_docker_image=IMAGE' that names the image to run it in`,
    };
  }
  checkImage(image);
  // With a shell, which also runs a script that names no interpreter.
  const command = `exec ./${NAME}`;
  const builder = { kind: 'image', image, command, extract: '/project', cache: [] } as const;
  return { builder, context: await withExecutable(context, NAME) };
}

function checkImage(image: string): void {
  try {
    parseReference(image);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure('USAGE', `${NAME}: build_inside_docker_image: ${error.message}`, { hint: error.hint });
  }
}

// Mercurial on Windows cannot set the executable bit, says the seed. Not by a chmod in the container: its user need not own the file.
async function withExecutable(tree: Tree, name: string): Promise<Tree> {
  const file = await findFile(tree, name);
  return changeEntries(tree, (entry) =>
    entry.type === 'file' && file !== undefined && 'path' in file && entry.path === file.path
      ? { ...entry, mode: entry.mode | 0o111 }
      : entry,
  );
}
