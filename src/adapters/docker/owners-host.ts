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
