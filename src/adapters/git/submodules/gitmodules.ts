import { Failure } from '../../../model/errors.js';
import { findEntry, type Tree } from '../../../model/tree.js';
import { parseConfigFile, type ConfigPlace } from '../config-file.js';

/** An entry of .gitmodules, gitmodules(5). */
export type Module = { name: string; path?: string; url?: string; update?: string };

/** Nobody writes a larger one. */
const MAX_SIZE = 2 ** 20;

/**
 * The entries of `tree`'s .gitmodules by path. Rejects with SOURCE_FAILED for a file that git cannot read; `name` is
 * its path in the whole source.
 */
export async function readModules(
  tree: Tree,
  { name: file, ...place }: ConfigPlace & { name: string },
): Promise<ReadonlyMap<string, Module>> {
  const modules = new Map<string, Module>();
  const text = await readText(tree, file);
  if (text === undefined) return modules;
  const pairs = await parseConfigFile(text, place);
  if (typeof pairs === 'string') throw new Failure('SOURCE_FAILED', `'${file}' cannot be read: ${pairs}`);
  for (const [key, value] of pairs) {
    const [, name, variable] = /^submodule\.(.*)\.([^.]*)$/s.exec(key) ?? [];
    if (name === undefined || !isVariable(variable)) continue;
    modules.set(name, { ...modules.get(name), name, [variable]: value });
  }
  return new Map(
    [...modules.values()].flatMap((module) => (module.path === undefined ? [] : [[module.path, module]])),
  );
}

function isVariable(name: string | undefined): name is 'path' | 'url' | 'update' {
  return name === 'path' || name === 'url' || name === 'update';
}

// git refuses a .gitmodules that is a symbolic link.
async function readText(tree: Tree, file: string): Promise<string | undefined> {
  const entry = findEntry(await tree.entries(), '.gitmodules');
  if (entry?.type !== 'file') return undefined;
  if (entry.size > MAX_SIZE) throw new Failure('SOURCE_FAILED', `'${file}' has ${entry.size} bytes`);
  const pieces: Uint8Array[] = [];
  for await (const { chunks } of tree.read([entry])) for await (const chunk of chunks) pieces.push(chunk);
  return Buffer.concat(pieces).toString();
}

/** git ignores a name that could lead out of .git/modules. */
export function isHostileName(name: string): boolean {
  return name === '' || name.split(/[/\\]/).includes('..');
}
