import { Failure } from '../model/errors.js';
import { matchesList, matchesPattern, type Match } from '../model/pattern.js';
import { DOCKER_HUB, formatReference, type ImageReference } from '../model/reference.js';
import type { Rights } from '../model/rights.js';
import type { Plan } from './step.js';

/** Throws Failure DENIED unless `permit-image` of the key allows every reference that the plan gives, whether it is pushed or not. */
export function checkImages({ images }: Rights, { projects }: Plan): void {
  if (images === undefined) return;
  for (const { project, refs } of projects) {
    const forbidden = refs.find((ref) => !isPermitted(ref, images));
    if (forbidden === undefined) continue;
    const what = `this key may not build '${formatReference(forbidden)}' (project '${project}')`;
    throw new Failure('DENIED', `${what}: its permit-image allows ${images.join(', ')}`);
  }
}

function isPermitted(ref: ImageReference, images: readonly string[]): boolean {
  const names = spellings(ref);
  const fitsOne: Match = (pattern) => names.some((name) => fits(pattern, name));
  return matchesList(images, { permits: fitsOne, forbids: fitsOne });
}

// `*` stops at the first slash, where a host ends: `*.example.com/app` is not `evil.com/x.example.com/app`.
function fits(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  const [head, tail] = split(pattern);
  const [host, path] = split(name);
  if (tail === undefined || path === undefined) return tail === path && matchesPattern(head, host);
  return matchesPattern(head.toLowerCase(), host) && matchesPattern(tail, path);
}

function split(text: string): [string, string | undefined] {
  const at = text.indexOf('/');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** With the tag and without, Docker Hub's host and `library/` written out and left out, the usual port left out. */
function spellings(ref: ImageReference): string[] {
  const registry = ref.registry.toLowerCase().replace(/:443$/, '');
  const tagged = [
    ref,
    { ...ref, registry },
    { ...ref, tag: undefined },
    { ...ref, registry, tag: undefined },
  ];
  return tagged.flatMap((one) => {
    const short = formatReference(one);
    return one.registry === DOCKER_HUB ? [short, `${DOCKER_HUB}/${short}`, full(one)] : [short];
  });
}

function full({ registry, repository, tag }: ImageReference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}`;
}
