import { canonicalHost, DOCKER_HUB } from '../model/reference.js';

/** A key of a docker config or credentials document (`https://index.docker.io/v1/`, `registry.example`) → the host as references name it. */
export function registryHost(key: string): string {
  const host = key
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .toLowerCase();
  return canonicalHost(host === '' ? DOCKER_HUB : host);
}
