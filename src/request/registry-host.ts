/** A key of a docker config or credentials document (`https://index.docker.io/v1/`, `registry.example`) → the host as references name it. */
export function registryHost(key: string): string {
  const host = key
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .toLowerCase();
  return host === 'index.docker.io' || host === 'registry-1.docker.io' || host === '' ? 'docker.io' : host;
}
