import { quote } from './refuse.js';
import { unfit } from './unfit.js';

/** A directory of the source: relative, without `.`, `..`, `//` and a slash at the end. The root is ''. */
export function repositoryDirectory(text: string): string {
  if (text === '') throw unfit("it is empty; '.' is the root");
  if (text.startsWith('/')) throw unfit(`${quote(text)} must be relative, without the slash in front`);
  return components(text).join('/');
}

/** A file of the source, likewise. */
export function repositoryFile(text: string): string {
  const path = repositoryDirectory(text);
  if (path === '' || text.endsWith('/')) throw unfit(`${quote(text)} is a directory, not a file`);
  return path;
}

/** A path in a container: absolute, normalized likewise. */
export function containerPath(text: string): string {
  if (!text.startsWith('/')) throw unfit(`${quote(text)} must be absolute: it is a path in the container`);
  return `/${components(text).join('/')}`;
}

/** A key prefix of a bucket, without slashes at its ends; may be empty. */
export function keyPrefix(text: string): string {
  return components(text).join('/');
}

function components(text: string): string[] {
  if (/\p{Cc}/u.test(text)) throw unfit(`${quote(text)} holds a control character`);
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw unfit(`${quote(text)} must not hold '..'`);
  return parts;
}
