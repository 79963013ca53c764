/** Below it lies what has the same place in the store as it has in the tree; below the other what cannot have. */
const PLACED = 'context';
const APART = 'apart';

/** As long as a path and a name of the store may be (PATH_MAX, NAME_MAX), with room for what it puts in front. */
const MAX_PATH = 3800;
const MAX_NAME = 255;

/**
 * Chooses where the store keeps each file. `_` in front of every part of its path, so that none has a name that means something in a
 * layer (`.wh.…` is a file that was removed) and all are in the order of the tree. A path that was used before, or that goes through
 * one that was, gets a place apart: a layer has each name once.
 */
export function createPlaces(): (path: string) => string {
  const files = new Set<string>();
  const directories = new Set<string>();
  let apart = 0;
  return (path) => {
    const above = parentsOf(path);
    const parts = path.split('/');
    const fits =
      Buffer.byteLength(path) + parts.length < MAX_PATH &&
      parts.every((part) => Buffer.byteLength(part) < MAX_NAME);
    if (!fits || files.has(path) || directories.has(path) || above.some((parent) => files.has(parent))) {
      return `${APART}/${apart++}`;
    }
    files.add(path);
    for (const parent of above) directories.add(parent);
    return usualPlace(path);
  };
}

/** Where the store has a path that has a place of its own; of the root, the directory that holds all such places. */
export function usualPlace(path: string): string {
  return path === '' ? PLACED : `${PLACED}/_${path.replaceAll('/', '/_')}`;
}

function parentsOf(path: string): string[] {
  const found: string[] = [];
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
    found.push(path.slice(0, at));
  return found;
}
