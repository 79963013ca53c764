import { createHmac } from 'node:crypto';
import { OWN_HOSTS } from '../../model/own-hosts.js';
import type { ImageSpec } from '../../ports.js';

/**
 * BuildKit runs a RUN that two builds have in common once, for both, with the secrets and the agent of either, and keeps its layer for
 * whoever asks next. What they opened must stay with their owner; the names of extra hosts are part of what BuildKit tells RUNs apart by,
 * their addresses are not (moby/buildkit, solver/llbsolver/ops/exec.go, CacheMap). So a build to which something is lent gets such a name,
 * which nobody can make who has not got `secret`, and nobody can ask for with `--add-host` who has seen it in a container's /etc/hosts. A
 * frontend of the caller's own (`# syntax=`) could, so it is shown to no one else.
 */
export function ownersHosts({ owner, secrets, agent }: ImageSpec, secret: Buffer): string[] {
  if (secrets.size === 0 && agent === undefined) return [];
  return [`${keyed(secret, ['lent by', owner])}${OWN_HOSTS}:127.0.0.1`];
}

/** What the ids of RUN --mount=type=cache are told apart by (moby/buildkit, frontend/dockerfile/builder/build.go). */
export const NAMESPACE = 'BUILDKIT_CACHE_MOUNT_NS';

/**
 * All builds of an engine would share such directories: one could read what another's RUN left there, a secret too, or leave something
 * for it. So each owner has those of each place of its own; within it `asked` is what the caller wants to tell apart.
 */
export function cacheNamespace({ owner, context }: ImageSpec, secret: Buffer, asked = ''): string {
  return keyed(secret, ['caches of', owner, context.sharedKey, asked]);
}

function keyed(secret: Buffer, what: readonly string[]): string {
  return createHmac('sha256', secret).update(JSON.stringify(what)).digest('hex').slice(0, 32);
}
