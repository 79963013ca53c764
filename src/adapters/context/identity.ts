import { createHash } from 'node:crypto';
import type { SourceRevision } from '../../model/source.js';
import type { TreeEntry } from '../../model/tree.js';

/**
 * What stands for the revision of a context: a name of its content (SHA-256 of paths, modes, contents and link targets in the order of
 * a walk, so neither times nor the order of the tar), and the time of what is newest in it. Nobody wrote it and nobody said why.
 */
export function contextRevision(entries: readonly TreeEntry[]): SourceRevision {
  const hash = createHash('sha256');
  let newest = 0;
  for (const entry of entries) {
    const mode = entry.type === 'symlink' ? '' : entry.mode.toString(8);
    const content = entry.type === 'file' ? entry.id : entry.type === 'symlink' ? entry.target : '';
    hash.update(`${entry.type} ${mode} ${entry.path}\0${content}\0`);
    newest = Math.max(newest, entry.mtime);
  }
  return { id: hash.digest('hex'), committedAt: new Date(newest * 1000), author: '', message: '' };
}
