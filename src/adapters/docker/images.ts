import { formatReference, type ImageReference, parseReference } from '../../model/reference.js';
import { type Connection, isStatus, requestJson } from './connection.js';

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
export async function inspectImage(
  connection: Connection,
  name: string,
  signal: AbortSignal,
): Promise<EngineImage> {
  const path = `/images/${name}/json`;
  const { Id, Size, Os, Architecture, Variant, RepoDigests } = await requestJson<Inspected>(connection, {
    method: 'GET',
    path,
    signal,
  });
  const platform = [Os, Architecture, Variant].filter(Boolean).join('/');
  return { id: Id, size: Size, platform, repoDigests: RepoDigests ?? [] };
}

/** The image that `name` means now; undefined: none. */
export async function findImage(
  connection: Connection,
  name: string,
  signal: AbortSignal,
): Promise<EngineImage | undefined> {
  try {
    return await inspectImage(connection, name, signal);
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

/** Its id. */
export async function imageIdOf(
  connection: Connection,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  return (await findImage(connection, name, signal))?.id;
}

/** Gives the image a further name; moves the name where another image has it. */
export async function addName(
  connection: Connection,
  { image, name }: { image: string; name: ImageReference },
  signal: AbortSignal,
): Promise<void> {
  const { tag = 'latest' } = name;
  const query = { repo: repositoryName(name), tag };
  await requestJson(connection, { method: 'POST', path: `/images/${image}/tag`, query, signal });
}

/**
 * Removes a name, with the image when it was its last. Safe where it is not there. Unnamed parents stay (`noprune`): with the
 * classic builder they are the build cache.
 */
export async function removeName(connection: Connection, name: string, signal: AbortSignal): Promise<void> {
  const query = { noprune: '1' };
  try {
    await requestJson(connection, {
      method: 'DELETE',
      path: `/images/${name}`,
      query,
      signal,
      patient: true,
    });
  } catch (error) {
    // Two removals at once that end with the same image: one of them fails after its name is gone.
    if (isStatus(error, 404) || (await imageIdOf(connection, name, signal)) === undefined) return;
    throw error;
  }
}

/** The name that an image has in the engine: with a tag, whatever the reference says, and without a digest. */
export function engineName(reference: ImageReference): string {
  return formatReference({ ...reference, tag: reference.tag ?? 'latest', digest: undefined });
}

/** The engine's spelling of a repository. */
export function repositoryName(reference: ImageReference): string {
  return formatReference({ ...reference, tag: undefined, digest: undefined });
}

/** Whether `name@digest`, as the engine lists it, is in this repository. */
export function isInRepository(repoDigest: string, { registry, repository }: ImageReference): boolean {
  const found = parseReference(repoDigest);
  return found.registry === registry && found.repository === repository;
}
