import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TreeEntry } from '../../model/tree.js';
import { runProgram } from '../vcs/command.js';
import { DamagedMirror, readWhole, type Objects } from './objects.js';

/** What gitattributes(5) says of one path: `set`, `unset` or a value, by attribute. Unspecified ones are left out. */
export type Attributes = ReadonlyMap<string, string>;

/** The attributes that decide what a checkout writes. */
const NAMES = ['text', 'eol', 'working-tree-encoding', 'ident', 'filter'];
const MENTIONS_ONE = /^(?![ \t]*#).*\b(?:eol|working-tree-encoding|ident|filter=lfs)\b/m;

/** A commit's files as git's own commands see them, without a work tree: through an index of the commit. */
export type Index = {
  attributes: ReadonlyMap<string, Attributes>;
  /** Writes files as a checkout does, below `prefix`. */
  checkOut: (paths: Iterable<string>, prefix: string) => Promise<void>;
};

export type IndexPlace = {
  /** The git directory. */
  directory: string;
  tree: string;
  /** A directory of the build. */
  scratch: string;
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
};

/** Undefined where no .gitattributes changes what a checkout writes: most repositories pay nothing. */
export async function openIndex(
  objects: Objects,
  entries: readonly TreeEntry[],
  place: IndexPlace,
): Promise<Index | undefined> {
  if (!(await mentionsOne(objects, entries))) return undefined;
  const git = await readIndex(place);
  return {
    attributes: await readAttributes(git, entries),
    checkOut: async (paths, prefix) => {
      const args = ['checkout-index', '--force', '-z', '--stdin', `--prefix=${prefix}`];
      await git(args, nulTerminated(paths));
    },
  };
}

async function mentionsOne(objects: Objects, entries: readonly TreeEntry[]): Promise<boolean> {
  const ids = entries.flatMap((entry) =>
    entry.type === 'file' && /(?:^|\/)\.gitattributes$/.test(entry.path) ? [entry.id] : [],
  );
  let found = false;
  await readWhole(
    objects,
    [...new Set(ids)].map((id) => `contents ${id}` as const),
    (_, body) => (found ||= MENTIONS_ONE.test(body.toString())),
  );
  return found;
}

type Git = (args: readonly string[], input: string) => Promise<string>;

// Attributes come from an index of the commit: a bare repository would take them from nowhere.
async function readIndex({ directory, tree, scratch, environment, signal }: IndexPlace): Promise<Git> {
  const workTree = join(scratch, 'work-tree');
  await mkdir(workTree, { recursive: true });
  const places = { GIT_DIR: directory, GIT_WORK_TREE: workTree, GIT_INDEX_FILE: join(scratch, 'index') };
  const git: Git = async (args, input) => {
    const result = await runProgram(['git', ...args], {
      environment: { ...environment, ...places },
      directory: workTree,
      signal,
      input,
    });
    if (result.code !== 0) throw new DamagedMirror(`git ${args[0]}: ${result.stderr}`);
    return result.stdout;
  };
  await git(['read-tree', tree], '');
  return git;
}

// git check-attr -z: PATH, ATTRIBUTE and VALUE, each ended by NUL, all attributes of a path one after another.
async function readAttributes(git: Git, entries: readonly TreeEntry[]): Promise<Map<string, Attributes>> {
  const paths = entries.flatMap((entry) => (entry.type === 'file' ? [entry.path] : []));
  const text = await git(['check-attr', '--cached', '-z', '--stdin', ...NAMES], nulTerminated(paths));
  const fields = text.split('\0');
  const attributes = new Map<string, Attributes>();
  for (let at = 0; at + 2 < fields.length; at += 3 * NAMES.length) {
    const values = NAMES.map((name, index) => [name, fields[at + 3 * index + 2]!] as const);
    const specified = values.filter(([, value]) => value !== 'unspecified');
    if (specified.length > 0) attributes.set(fields[at]!, new Map(specified));
  }
  return attributes;
}

function nulTerminated(paths: Iterable<string>): string {
  return [...paths].map((path) => `${path}\0`).join('');
}
