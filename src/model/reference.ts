import { Failure } from './errors.js';
import { shown } from './shown.js';

/**
 * An image reference, as distribution/reference (github.com/distribution/reference, `reference.go`) means it.
 * `registry` is the host as it must be asked for credentials: `docker.io` where the name gives none.
 */
export type ImageReference = {
  registry: string;
  /** Path on the registry, `library/` included where Docker Hub implies it. */
  repository: string;
  tag: string | undefined;
  digest: string | undefined;
};

const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[1-9][0-9]{0,4})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;

/** Host of Docker Hub, as references and credentials have it. */
export const DOCKER_HUB = 'docker.io';
/** Key of Docker Hub's login in docker's configuration, and what engines ask for it with. */
export const DOCKER_HUB_LOGIN = 'https://index.docker.io/v1/';
const DOCKER_HUB_HOSTS = new Set([DOCKER_HUB, 'index.docker.io', 'registry-1.docker.io', DOCKER_HUB_LOGIN]);

/** Whether this is one of Docker Hub's hosts, or its login's key. */
export function isDockerHub(host: string): boolean {
  return DOCKER_HUB_HOSTS.has(host);
}

/** A registry's host as references and credentials have it: `docker.io` for all that is Docker Hub. */
export function canonicalHost(host: string): string {
  return isDockerHub(host) ? DOCKER_HUB : host;
}

/** Parses `[host/]path[:tag][@digest]`. Throws Failure USAGE with what is wrong. */
export function parseReference(text: string): ImageReference {
  const [named, digest] = splitOnce(text, '@');
  if (digest !== undefined && !DIGEST.test(digest)) throw invalid(text, `'${digest}' is not a digest`);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const name = hasTag ? named.slice(0, colon) : named;
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  if (tag !== undefined) checkTag(tag);
  return { ...parseName(name, text), tag, digest };
}

/** Throws Failure USAGE unless `tag` is a tag that a registry accepts. */
export function checkTag(tag: string): string {
  if (tag.length > 128) throw invalid(tag, `a tag has at most 128 characters, this one has ${tag.length}`);
  if (!TAG.test(tag))
    throw invalid(tag, 'a tag is made of letters, digits, _, . and -, and starts with none of . and -');
  return tag;
}

/** The shortest spelling that the engine understands: Docker Hub's host and `library/` left out. */
export function formatReference({ registry, repository, tag, digest }: ImageReference): string {
  const name = isDockerHub(registry) ? repository.replace(/^library\//, '') : `${registry}/${repository}`;
  return name + (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
}

/** Where an image lies, whatever its tag: the registry and the path on it. */
export function repositoryOf({ registry, repository }: ImageReference): string {
  return `${registry}/${repository}`;
}

function parseName(name: string, text: string): Pick<ImageReference, 'registry' | 'repository'> {
  const [first, rest] = splitOnce(name, '/');
  const hasHost =
    rest !== undefined && (/[.:[]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const registry = hasHost ? canonicalHost(first) : DOCKER_HUB;
  const path = hasHost ? rest : name;
  if (hasHost && !HOST.test(first)) throw invalid(text, `'${first}' is not a registry host`);
  if (path.length === 0) throw invalid(text, 'the name is empty');
  if (registry.length + path.length + 1 > 255) throw invalid(text, 'the name is longer than 255 characters');
  const bad = path.split('/').find((component) => !COMPONENT.test(component));
  if (bad !== undefined) {
    throw invalid(
      text,
      `'${bad}' is not a path component: lower-case letters and digits, separated by one of . _ __ -`,
    );
  }
  const repository = isDockerHub(registry) && !path.includes('/') ? `library/${path}` : path;
  return { registry, repository };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

function invalid(text: string, why: string): Failure {
  return new Failure('USAGE', `'${shown(text)}' is not an image reference: ${why}`, {
    hint: 'write it like registry.example.com/team/app:1.2',
  });
}
