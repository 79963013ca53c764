import type { Credentials, LentAgent } from '../model/credentials.js';
import type { ImageOptions } from '../model/request.js';

/** The agent for RUN lines: only where the caller said so, since a repository is hostile and fetching it lends it nothing. */
export function runAgent({ ssh }: ImageOptions, { agent }: Credentials): { agent?: LentAgent } {
  return ssh && agent ? { agent } : {};
}
