import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { Failure } from '../../model/errors.js';
import type { TreeEntry } from '../../model/tree.js';
import { type TarHeader, tarEntries } from '../tar-entries.js';

export type ArchiveEntry = {
  /** Relative to what the tar is of; empty: that itself. */
  below: string;
  /** Its path is `below`. Absent for what is no file, directory or symbolic link. */
  entry: TreeEntry | undefined;
  /** Set where this is one more name of an entry that came before. */
  linkTo?: string;
  chunks: AsyncIterable<Uint8Array>;
};

/** The tar that the engine gives of the path `root`: its names begin with the path's last component. */
export async function* archiveEntries(answer: Readable, root: string): AsyncGenerator<ArchiveEntry> {
  for await (const { header, chunks } of tarEntries(answer)) {
    const below = pathBelow(root, header.name);
    if (header.type === 'link') {
      yield { below, linkTo: pathBelow(root, header.linkname), entry: undefined, chunks };
    } else {
      yield { below, entry: entryOf(header, below), chunks };
    }
  }
}

function pathBelow(root: string, name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new Failure('TREE_INVALID', `'${name}' leads out of ${root}`);
  return checkUtf8(parts.slice(root === '/' ? 0 : 1).join('/'), root);
}

// What is no UTF-8 has been replaced in decoding: it would come out under another name.
function checkUtf8(name: string, root: string): string {
  if (!name.includes('\ufffd')) return name;
  throw new Failure('TREE_INVALID', `'${posix.join(root, name)}' is not UTF-8`);
}

function entryOf(header: TarHeader, path: string): TreeEntry | undefined {
  const mtime = Math.floor(header.mtime.getTime() / 1000);
  // Docker adds the bits of the type.
  const mode = header.mode & 0o7777;
  switch (header.type) {
    case 'file':
      return { type: 'file', path, mode, size: header.size, id: '', mtime };
    case 'directory':
      return { type: 'directory', path, mode, mtime };
    case 'symlink':
      return { type: 'symlink', path, target: checkUtf8(header.linkname, path), mtime };
    default:
      return undefined;
  }
}
