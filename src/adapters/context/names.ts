import { isUtf8 } from 'node:buffer';
import { invalid } from './bytes.js';

/** PATH_MAX and NAME_MAX of Linux, in bytes. */
const MAX_PATH = 4095;
const MAX_NAME = 255;

/** The name of an entry as a path of a tree; empty: the root itself. Throws TREE_INVALID for what may not be called so. */
export function checkedPath(name: Buffer): string {
  const text = checkedText(name);
  if (text.startsWith('/')) throw refused(text, 'is an absolute path', 'make the tar without -P');
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refused(text, 'leads out of it');
  if (parts.some((part) => Buffer.byteLength(part) > MAX_NAME)) throw refused(text, 'has too long a name');
  return parts.join('/');
}

/** Where a symbolic link leads. It may lead anywhere, as in a repository: nobody follows it out of the tree. */
export function checkedTarget(target: Buffer, path: string): string {
  if (target.length > 0) return checkedText(target);
  throw refused(path, 'is a symbolic link to nothing');
}

function checkedText(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (!isUtf8(bytes)) throw refused(text, 'is not UTF-8');
  if (bytes.includes(0)) throw refused(text, 'has a zero byte in it');
  if (bytes.length > MAX_PATH) throw refused(text, 'is too long');
  return text;
}

/** The context cannot be used for the entry of that name. `why` follows the name. */
export function refused(name: string, why: string, hint = 'leave it out of the tar'): Error {
  const shown = name.length > 200 ? `${name.slice(0, 197)}...` : name;
  const safe = shown.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) =>
    JSON.stringify(character).slice(1, -1),
  );
  return invalid(`the context cannot be used: '${safe}' ${why}`, hint);
}
