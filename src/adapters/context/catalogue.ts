import { comparePaths, type TreeEntry } from '../../model/tree.js';
import { refused } from './names.js';

/** The entries of a context as they come, held to what a tree can be; the last of a name wins, as with tar. */
export type Catalogue = {
  /** Throws TREE_INVALID where it does not go together with what is there. */
  add(entry: TreeEntry): void;
  find(path: string): TreeEntry | undefined;
  /** How many there are, those directories counted. */
  size(): number;
  /** All of them in the order of a walk, with the directories that hold something and came without an entry of their own. */
  sorted(): TreeEntry[];
};

export function createCatalogue(): Catalogue {
  const entries = new Map<string, TreeEntry>();
  /** Directories with something in them. */
  const holding = new Set<string>();
  const hold = (path: string, mtime: number): void => {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const directory = path.slice(0, at);
      if (holding.has(directory)) return;
      const above = entries.get(directory);
      if (above !== undefined && above.type !== 'directory') {
        throw refused(path, `lies below '${directory}', which is no directory`);
      }
      holding.add(directory);
      if (above === undefined)
        entries.set(directory, { type: 'directory', path: directory, mode: 0o755, mtime });
    }
  };
  return {
    add(entry) {
      hold(entry.path, entry.mtime);
      if (entry.type !== 'directory' && holding.has(entry.path)) {
        throw refused(entry.path, 'is a directory with something in it, and then is none');
      }
      entries.set(entry.path, entry);
    },
    find: (path) => entries.get(path),
    size: () => entries.size,
    sorted: () => [...entries.values()].sort((a, b) => comparePaths(a.path, b.path)),
  };
}
