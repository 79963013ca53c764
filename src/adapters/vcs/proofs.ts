/** Which credentials a forge has accepted lately, by fingerprint. */
export interface Proofs {
  remember(fingerprint: string): void;
  isFresh(fingerprint: string): boolean;
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
