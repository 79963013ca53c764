import { createHash } from 'node:crypto';
import type { ImageSpec } from '../../ports.js';

/**
 * BuildKit runs a RUN that two builds have in common once, for both, with the secrets and the agent of either, and keeps its layer for
 * whoever asks next. What they opened must stay with their owner; the names of extra hosts are part of what BuildKit tells RUNs apart by,
 * their addresses are not (moby/buildkit, solver/llbsolver/ops/exec.go, CacheMap). So a build to which something is lent gets such a name.
 */
export function ownersHosts({ owner, secrets, agent }: ImageSpec): string[] {
  if (secrets.size === 0 && agent === undefined) return [];
  const name = createHash('sha256').update(`lent by ${owner}`).digest('hex').slice(0, 32);
  return [`${name}.buildbot.invalid:127.0.0.1`];
}

/** What the ids of RUN --mount=type=cache are told apart by (moby/buildkit, frontend/dockerfile/builder/build.go). */
export const NAMESPACE = 'BUILDKIT_CACHE_MOUNT_NS';

/**
 * All builds of an engine would share such directories: one could read what another's RUN left there, a secret too, or leave something
 * for it. So each owner has those of each place of its own; within it `asked` is what the caller wants to tell apart.
 */
export function cacheNamespace({ owner, context }: ImageSpec, asked = ''): string {
  return createHash('sha256')
    .update(JSON.stringify([owner, context.sharedKey, asked]))
    .digest('hex')
    .slice(0, 32);
}
