import type { Credentials } from '../model/credentials.js';
import type { SecretMount } from '../model/request.js';
import type { Secret } from '../model/secret.js';

/** The values of mounted secrets by the id under which they are seen. A plan has been checked to name only secrets that there are. */
export function secretValues(mounts: readonly SecretMount[], { secrets }: Credentials): Map<string, Secret> {
  return new Map(mounts.map(({ id, name }) => [id, secrets.get(name)!]));
}
