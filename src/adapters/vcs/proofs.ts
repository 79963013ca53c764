import type { RepositoryUrl } from '../../model/repository.js';
import { fingerprint, type Credential } from './credential.js';

/** Which credentials a forge has accepted lately, by fingerprint. */
export interface Proofs {
  remember(fingerprint: string): void;
  forget(fingerprint: string): void;
  isFresh(fingerprint: string): boolean;
}

/** What is known of one credential at one repository. */
export type Proof = { isFresh(): boolean; remember(): void; forget(): void };

/** Nobody can tell what an agent holds from outside, nor whether it holds it still: it proves itself every time. */
const NEVER: Proof = { isFresh: () => false, remember: () => undefined, forget: () => undefined };

export function proofOf(repository: RepositoryUrl, credential: Credential, proofs: Proofs): Proof {
  if (credential.kind === 'agent') return NEVER;
  const name = fingerprint(repository, credential);
  return {
    isFresh: () => proofs.isFresh(name),
    remember: () => proofs.remember(name),
    forget: () => proofs.forget(name),
  };
}

/** Above this many the stale ones are dropped. */
const MANY = 1000;

/** `clock` counts on whatever is done to the time of day: set back by hours, that would keep what is stale. */
export function createProofs({ ttlMs, clock }: { ttlMs: number; clock: { elapsed(): number } }): Proofs {
  const accepted = new Map<string, number>();
  const isFresh = (fingerprint: string): boolean => {
    const at = accepted.get(fingerprint);
    return at !== undefined && clock.elapsed() - at < ttlMs;
  };
  return {
    isFresh,
    remember(fingerprint) {
      accepted.set(fingerprint, clock.elapsed());
      if (accepted.size <= MANY) return;
      for (const key of accepted.keys()) if (!isFresh(key)) accepted.delete(key);
    },
    forget: (fingerprint) => void accepted.delete(fingerprint),
  };
}
