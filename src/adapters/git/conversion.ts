import { createHash } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileEntry, TreeEntry } from '../../model/tree.js';
import { runGit } from './command.js';
import { DamagedMirror, readWhole, type Objects } from './objects.js';

/** Where the contents lie that are not the blobs' own, by the entry's id. */
export type Converted = ReadonlyMap<string, string>;

export type Conversion = {
  /** The git directory. */
  directory: string;
  tree: string;
  /** An empty directory of the build for the result. */
  scratch: string;
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
};

/**
 * What a checkout does to a file's content on Linux, gitattributes(5). `filter` is not among it: no driver is
 * configured.
 */
const ATTRIBUTES = ['eol', 'working-tree-encoding', 'ident'];
const MENTIONS_ONE = /^(?!\s*#).*\b(?:eol|working-tree-encoding|ident)\b/m;

/**
 * Gives the files that .gitattributes changes (line ends, encoding, $Id$) the size and an id of what a
 * checkout would write, and writes that into `scratch`. Changes `entries` in place. Most repositories have no
 * such file, and pay nothing.
 */
export async function convertFiles(
  objects: Objects,
  entries: TreeEntry[],
  conversion: Conversion,
): Promise<Converted> {
  const converted = new Map<string, string>();
  if (!(await mentionsConversion(objects, entries))) return converted;
  const git = await openIndex(conversion);
  const attributes = await readAttributes(git, entries);
  if (attributes.size === 0) return converted;
  const prefix = `${join(conversion.scratch, 'converted')}/`;
  await git(
    ['checkout-index', '--force', '-z', '--stdin', `--prefix=${prefix}`],
    nulTerminated(attributes.keys()),
  );
  for (const [index, entry] of entries.entries()) {
    const values = attributes.get(entry.path);
    if (entry.type !== 'file' || values === undefined) continue;
    const changed = await changedEntry(entry, prefix + entry.path, values);
    converted.set(changed.id, prefix + entry.path);
    entries[index] = changed;
  }
  return converted;
}

async function mentionsConversion(objects: Objects, entries: readonly TreeEntry[]): Promise<boolean> {
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
async function openIndex({ directory, tree, scratch, environment, signal }: Conversion): Promise<Git> {
  const workTree = join(scratch, 'work-tree');
  await mkdir(workTree, { recursive: true });
  const places = { GIT_DIR: directory, GIT_WORK_TREE: workTree, GIT_INDEX_FILE: join(scratch, 'index') };
  const git: Git = async (args, input) => {
    const result = await runGit(args, {
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

/** The files that may be changed, with what decides how. */
async function readAttributes(git: Git, entries: readonly TreeEntry[]): Promise<Map<string, string>> {
  const paths = entries.flatMap((entry) => (entry.type === 'file' ? [entry.path] : []));
  const text = await git(
    ['check-attr', '--cached', '-z', '--stdin', 'text', ...ATTRIBUTES],
    nulTerminated(paths),
  );
  const values = new Map<string, string>();
  const changed = new Set<string>();
  const fields = text.split('\0');
  for (let i = 0; i + 2 < fields.length; i += 3) {
    const [path = '', name = '', value = ''] = fields.slice(i, i + 3);
    values.set(path, `${values.get(path) ?? ''} ${name}=${value}`);
    if (name === 'eol' ? value === 'crlf' : name !== 'text' && value !== 'unspecified' && value !== 'unset') {
      changed.add(path);
    }
  }
  return new Map([...values].filter(([path]) => changed.has(path)));
}

async function changedEntry(entry: FileEntry, file: string, attributes: string): Promise<FileEntry> {
  const id = createHash('sha256').update(`${entry.id}${attributes}`).digest('hex');
  return { ...entry, id, size: (await lstat(file)).size };
}

function nulTerminated(paths: Iterable<string>): string {
  return [...paths].map((path) => `${path}\0`).join('');
}
