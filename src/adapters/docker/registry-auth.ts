import type { RegistryCredential, RegistryCredentials } from '../../model/credentials.js';
import { DOCKER_HUB_LOGIN, isDockerHub } from '../../model/reference.js';

/** `X-Registry-Auth` of a push or pull. The engine wants the header also where there is nothing to say. */
export function registryAuth(registry: string, registries: RegistryCredentials): string {
  const credential = registries.get(registry);
  return encode(
    credential === undefined ? {} : { ...login(credential), serveraddress: serverName(registry) },
  );
}

/** `X-Registry-Config` of a classic build: every login, by registry. */
export function registryConfig(registries: RegistryCredentials): string {
  const entries = [...registries].map(([registry, credential]) => [serverName(registry), login(credential)]);
  return encode(Object.fromEntries(entries));
}

/** As the engine spells it in both headers (moby, registry.IndexServer). */
function serverName(registry: string): string {
  return isDockerHub(registry) ? DOCKER_HUB_LOGIN : registry;
}

function login(credential: RegistryCredential): object {
  return credential.kind === 'identityToken'
    ? { identitytoken: credential.identityToken.reveal() }
    : { username: credential.username, password: credential.password.reveal() };
}

// base64url with padding: without it the engine reads the header as empty.
function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
