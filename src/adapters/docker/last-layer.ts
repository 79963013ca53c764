import { type Connection, requestJson } from './connection.js';

/** Names of images as a classic build's log has them. */
export type LoggedLayers = {
  /** The newest one that the builder itself named, before any process could write into the log. */
  base: string;
  /** The newest one of all: the last good layer, if no process has made it up. */
  claimed: string;
};

/**
 * The last good layer as the engine's own id. A RUN can print whatever the builder says, so the claimed one counts only where the engine
 * knows it as a descendant of the base. Undefined otherwise, and where the engine does not tell.
 */
export async function lastLayer(
  connection: Connection,
  { base, claimed }: LoggedLayers,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const root = await inspect(connection, base, signal);
    const layer = await inspect(connection, claimed, signal);
    for (let image = layer; image.Id !== root.Id; image = await inspect(connection, image.Parent, signal)) {
      if (!image.Parent) return undefined;
    }
    return layer.Id;
  } catch {
    // Nothing but a shell hangs on it, and the build has its verdict.
    return undefined;
  }
}

function inspect(
  connection: Connection,
  image: string,
  signal: AbortSignal,
): Promise<{ Id: string; Parent: string }> {
  const path = `/images/${encodeURIComponent(image)}/json`;
  return requestJson(connection, { method: 'GET', path, signal });
}
