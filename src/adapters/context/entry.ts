import type { TreeEntry } from '../../model/tree.js';
import type { Catalogue } from './catalogue.js';
import type { Member } from './members.js';
import { checkedPath, checkedTarget, refused } from './names.js';

/** What later is an image's time has 31 bits. */
const MAX_TIME = 2 ** 31 - 1;

/**
 * What an entry of the archive is in a tree; of a hard link, `linked` is the entry that it is one more name of. undefined: the root,
 * which is there anyway. Throws TREE_INVALID.
 */
export function entryOf(member: Member, linked: TreeEntry | undefined): TreeEntry | undefined {
  const path = checkedPath(member.name);
  const mtime = Math.min(Math.max(member.mtime, 0), MAX_TIME);
  const mode = member.mode & 0o7777;
  if (path === '') {
    if (member.type === '5') return undefined;
    throw refused(member.name.toString(), 'is no name for a file');
  }
  if (linked !== undefined) return { ...linked, path };
  switch (member.type) {
    case '0':
      return { type: 'file', path, mode, size: member.size, id: '', mtime };
    case '2':
      return { type: 'symlink', path, target: checkedTarget(member.linkName, path), mtime };
    case '5':
      return { type: 'directory', path, mode, mtime };
    default:
      throw refused(path, `is ${kinds[member.type] ?? 'of a kind that a context cannot have'}`);
  }
}

const kinds: Readonly<Record<string, string>> = { 3: 'a device', 4: 'a device', 6: 'a named pipe' };

/** The entry that a hard link is one more name of. Throws TREE_INVALID where none comes before it. */
export function linkedEntry({ name, linkName }: Member, catalogue: Catalogue): TreeEntry {
  const target = checkedPath(linkName);
  const found = catalogue.find(target);
  if (found !== undefined && found.type !== 'directory') return found;
  const why = `is a hard link to '${target}', and no file of that name comes before it`;
  throw refused(checkedPath(name), why);
}
