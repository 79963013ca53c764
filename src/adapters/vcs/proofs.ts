import type { RepositoryUrl } from '../../model/repository.js';
import { fingerprint, type Credential } from './credential.js';

/** Which credentials a forge has accepted lately, by fingerprint. */
export interface Proofs {
  remember(fingerprint: string): void;
  isFresh(fingerprint: string): boolean;
}

/** What is known of one credential at one repository. */
export type Proof = { isFresh(): boolean; remember(): void };

/** Nobody can tell what an agent holds from outside, nor whether it holds it still: it proves itself every time. */
const NEVER: Proof = { isFresh: () => false, remember: () => undefined };

export function proofOf(repository: RepositoryUrl, credential: Credential, proofs: Proofs): Proof {
  if (credential.kind === 'agent') return NEVER;
  const name = fingerprint(repository, credential);
  return { isFresh: () => proofs.isFresh(name), remember: () => proofs.remember(name) };
}

/** Above this many the stale ones are dropped. */
const MANY = 1000;

export function createProofs({ ttlMs, clock }: { ttlMs: number; clock: { now(): Date } }): Proofs {
  const accepted = new Map<string, number>();
  const isFresh = (fingerprint: string): boolean => {
    const at = accepted.get(fingerprint);
    return at !== undefined && clock.now().getTime() - at < ttlMs;
  };
  return {
    isFresh,
    remember(fingerprint) {
      accepted.set(fingerprint, clock.now().getTime());
      if (accepted.size <= MANY) return;
      for (const key of accepted.keys()) if (!isFresh(key)) accepted.delete(key);
    },
  };
}
