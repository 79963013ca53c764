import { type Connection, isStatus, requestJson } from './connection.js';
import { LIBPOD } from './podman-pod.js';

/**
 * Takes a name from an image of Podman's, and leaves the image: Podman's cache is the images themselves, and its Docker API removes
 * the unnamed parents too, whatever `noprune` says. Safe where the name is not there. Rejects with EngineError.
 */
export async function podmanUntag(connection: Connection, name: string, signal: AbortSignal): Promise<void> {
  try {
    const { Id, RepoTags } = await requestJson<{ Id: string; RepoTags: string[] | null }>(connection, {
      method: 'GET',
      path: `/images/${name}/json`,
      signal,
    });
    // The call wants the name as Podman spells it, its registry included.
    for (const full of (RepoTags ?? []).filter((tag) => tag === name || tag.endsWith(`/${name}`))) {
      const colon = full.lastIndexOf(':');
      const query = { repo: full.slice(0, colon), tag: full.slice(colon + 1) };
      const path = `${LIBPOD}/images/${Id.replace('sha256:', '')}/untag`;
      await requestJson(connection, { method: 'POST', path, query, signal });
    }
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
  }
}
