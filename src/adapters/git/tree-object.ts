import { isUtf8 } from 'node:buffer';
import { Failure } from '../../model/errors.js';
import { comparePaths } from '../../model/tree.js';

/** One line of a tree object. `kind` is what a checkout makes of its mode. */
export type TreeItem = {
  kind: 'file' | 'executable' | 'symlink' | 'submodule' | 'directory';
  name: string;
  id: string;
};

/**
 * Parses a tree object, `MODE NAME\0ID` over and over, and sorts it by names (git sorts directories as if a
 * slash followed). `directory` is its place, for messages. Throws TREE_INVALID for a name that a checkout
 * would refuse, or that is not UTF-8.
 */
export function parseTree(body: Buffer, directory: string, idLength: number): TreeItem[] {
  const items: TreeItem[] = [];
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at);
    const end = body.indexOf(0, space);
    if (space < 0 || end < 0 || end + idLength >= body.length)
      throw invalid(directory, 'its tree object is damaged');
    const mode = Number.parseInt(body.toString('latin1', at, space), 8);
    const name = checkedName(body.subarray(space + 1, end), directory);
    const next = end + 1 + idLength;
    items.push({ kind: kindOf(mode), name, id: body.toString('hex', end + 1, next) });
    at = next;
  }
  items.sort((a, b) => comparePaths(a.name, b.name));
  const twin = items.find((item, index) => item.name === items[index + 1]?.name);
  if (twin !== undefined) throw invalid(place(directory, twin.name), 'it is there twice');
  return items;
}

// The type bits of st_mode; git writes 100664 in old histories and means 100644.
function kindOf(mode: number): TreeItem['kind'] {
  switch (mode & 0o170000) {
    case 0o040000:
      return 'directory';
    case 0o120000:
      return 'symlink';
    case 0o160000:
      return 'submodule';
    default:
      return mode & 0o100 ? 'executable' : 'file';
  }
}

function checkedName(bytes: Buffer, directory: string): string {
  if (!isUtf8(bytes)) throw invalid(place(directory, bytes.toString('latin1')), 'its name is not UTF-8');
  const name = bytes.toString();
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.toLowerCase() === '.git') {
    throw invalid(place(directory, name), 'no file may be called so');
  }
  return name;
}

function place(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

function invalid(path: string, why: string): Failure {
  return new Failure('TREE_INVALID', `the source holds '${printable(path)}': ${why}`);
}

function printable(path: string): string {
  return path.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => JSON.stringify(character).slice(1, -1));
}
