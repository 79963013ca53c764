import { Failure } from '../../model/errors.js';
import { formatReference, parseReference } from '../../model/reference.js';
import { quote } from './refuse.js';
import { unfit } from './unfit.js';

/** What stands before an image's name: a host and perhaps a path on it. '' for Docker Hub. */
export function registryPrefix(text: string): string {
  if (text === 'dockerhub') return '';
  if (text.includes('://')) throw unfit(`${quote(text)} must be a host alone, without a scheme`);
  const prefix = text.replace(/(?<!\/)\/+$/, '');
  if (!isPrefix(prefix))
    throw unfit(`${quote(text)} is no registry's host; write it like registry.example.com or localhost:5000`);
  return prefix;
}

/** An image's name, without a tag. Throws a Failure otherwise. */
export function imageName(text: string): string {
  const reference = parseReference(text);
  if (reference.tag !== undefined) throw unfit(`${quote(text)} holds a tag; write it in tags`);
  if (reference.digest !== undefined) throw unfit(`${quote(text)} holds a digest; a name is enough`);
  return formatReference(reference);
}

/** An image to run, with its tag or digest where it has one. */
export function imageReference(text: string): string {
  return formatReference(parseReference(text));
}

/** The name under `registry`, which is a prefix as `registryPrefix` gives it. */
export function imageIn(registry: string, name: string): string {
  if (namesHost(name))
    throw unfit(`${quote(name)} names a registry, and 'registry' another one; write it in one of the two`);
  return registry === '' ? name : imageName(`${registry}/${name}`);
}

function isPrefix(text: string): boolean {
  try {
    return namesHost(`${text}/x`);
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

function namesHost(name: string): boolean {
  const { repository } = parseReference(name);
  return repository !== name && repository !== `library/${name}`;
}

/** The name of a project that has a registry but no image. */
export function imageOfProject(registry: string, project: string): string {
  try {
    return imageName(registry === '' ? project : `${registry}/${project}`);
  } catch (error) {
    if (error instanceof Failure)
      throw unfit(`${quote(project)} cannot be an image's name as it is; say 'image: NAME' as well`);
    throw error;
  }
}
