import { statSync } from 'node:fs';

/** Advice for who may not use the socket: the group that may. Undefined where there is no such advice. */
export function socketHint(path: string): string | undefined {
  try {
    const { gid, mode } = statSync(path);
    if ((mode & 0o060) !== 0o060) return `${path} is for its owner alone: start the runner as that user`;
    return `${path} belongs to group ${gid}: start the runner with it (docker run --group-add ${gid})`;
  } catch {
    return undefined;
  }
}
