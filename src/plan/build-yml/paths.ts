import { pathComponents } from '../../model/paths.js';
import { quote } from './refuse.js';
import { unfit } from './unfit.js';

/** A directory of the source: relative, without `.`, `..`, `//` and a slash at the end. The root is ''. */
export function repositoryDirectory(text: string): string {
  if (text === '') throw unfit("it is empty; '.' is the root");
  if (text.startsWith('/')) throw unfit(`${quote(text)} must be relative, without the slash in front`);
  return pathComponents(text).join('/');
}

/** A file of the source, likewise. */
export function repositoryFile(text: string): string {
  const path = repositoryDirectory(text);
  if (path === '' || text.endsWith('/')) throw unfit(`${quote(text)} is a directory, not a file`);
  return path;
}
