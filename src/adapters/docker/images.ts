import { type ImageReference, parseReference } from '../../model/reference.js';
import { type Connection, EngineError, requestJson } from './connection.js';

export type EngineImage = {
  id: string;
  /** Bytes, unpacked. */
  size: number;
  /** `os/arch[/variant]`. */
  platform: string;
  /** `name@sha256:…` for each repository that the engine knows the image's manifest of. */
  repoDigests: readonly string[];
};

type Inspected = {
  Id: string;
  Size: number;
  Os: string;
  Architecture: string;
  Variant?: string;
  RepoDigests?: string[] | null;
};

/** Rejects with EngineError 404 where there is none. */
export async function inspectImage(connection: Connection, name: string): Promise<EngineImage> {
  const path = `/images/${name}/json`;
  const { Id, Size, Os, Architecture, Variant, RepoDigests } = await requestJson<Inspected>(connection, {
    method: 'GET',
    path,
  });
  const platform = [Os, Architecture, Variant].filter(Boolean).join('/');
  return { id: Id, size: Size, platform, repoDigests: RepoDigests ?? [] };
}

/** The id of the image that `name` means now; undefined: none. */
export async function imageIdOf(connection: Connection, name: string): Promise<string | undefined> {
  try {
    return (await inspectImage(connection, name)).id;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Gives the image a further name; moves the name where another image has it. */
export async function addName(connection: Connection, image: string, name: ImageReference): Promise<void> {
  const { tag = 'latest' } = name;
  const query = { repo: repositoryName(name), tag };
  await requestJson(connection, { method: 'POST', path: `/images/${image}/tag`, query });
}

/**
 * Removes a name, with the image when it was its last. Safe where it is not there. Unnamed parents stay (`noprune`): with the
 * classic builder they are the build cache.
 */
export async function removeName(connection: Connection, name: string): Promise<void> {
  try {
    await requestJson(connection, { method: 'DELETE', path: `/images/${name}`, query: { noprune: '1' } });
  } catch (error) {
    // Two removals at once that end with the same image: one of them fails after its name is gone.
    if (isNotFound(error) || (await imageIdOf(connection, name)) === undefined) return;
    throw error;
  }
}

/** The engine's spelling of a repository: Docker Hub's names without host. */
export function repositoryName({ registry, repository }: ImageReference): string {
  return registry === 'docker.io' ? repository.replace(/^library\//, '') : `${registry}/${repository}`;
}

/** Whether `name@digest`, as the engine lists it, is in this repository. */
export function isInRepository(repoDigest: string, { registry, repository }: ImageReference): boolean {
  const found = parseReference(repoDigest);
  return found.registry === registry && found.repository === repository;
}

function isNotFound(error: unknown): boolean {
  return error instanceof EngineError && error.status === 404;
}
