import type { Tree } from '../model/tree.js';
import { changeEntries } from './changed-entries.js';

/** `tree` with everything in it as old as the commit: what a builder makes is new each time, and would never be the same image twice. */
export function withCommitTime(tree: Tree, committedAt: Date): Tree {
  const mtime = Math.floor(committedAt.getTime() / 1000);
  return changeEntries(tree, (entry) => ({ ...entry, mtime }));
}
