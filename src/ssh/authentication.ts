import { verify } from 'node:crypto';
import type { AuthorizedKey } from './keys.js';
import { fingerprintOf, importPublicKey, type KeyType } from './publickey.js';

/**
 * One SSH_MSG_USERAUTH_REQUEST (RFC 4252 §5, §7) as ssh2 hands it over. `signature` is absent while the client only asks
 * whether a key would do; ECDSA signatures are DER. `hashAlgo` is set for rsa-sha2-256 and rsa-sha2-512 alone.
 */
export type AuthenticationAttempt = {
  method: string;
  key?: { algo: string; data: Buffer };
  signature?: Buffer | undefined;
  blob?: Buffer | undefined;
  hashAlgo?: string | undefined;
};

/** `reason` is for the operator's log: the client learns nothing but "no". */
export type Decision =
  | { answer: 'reject'; reason: string }
  /** This key would do; `algorithm` is the name to answer with. */
  | { answer: 'usable'; key: AuthorizedKey; algorithm: string }
  | { answer: 'accept'; key: AuthorizedKey };

const digests = {
  'ssh-ed25519': null,
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
} as const satisfies Record<Exclude<KeyType, 'ssh-rsa'>, string | null>;

/** Decides by the key alone: every username is fine, and nothing but a verified signature of a known key logs in. */
export function decideAttempt(attempt: AuthenticationAttempt, keys: readonly AuthorizedKey[]): Decision {
  const { key: offered, signature, blob, hashAlgo } = attempt;
  if (attempt.method !== 'publickey' || offered === undefined) {
    return { answer: 'reject', reason: `method ${attempt.method} is not offered` };
  }
  const key = keys.find((candidate) => candidate.blob.equals(offered.data));
  const fingerprint = fingerprintOf(offered.data);
  if (key === undefined) return { answer: 'reject', reason: `unknown key ${fingerprint}` };
  if (key.type !== offered.algo)
    return { answer: 'reject', reason: `key ${fingerprint} is not a ${offered.algo} key` };
  const digest = digestOf(key.type, hashAlgo);
  if (digest === undefined) return { answer: 'reject', reason: `key ${fingerprint} would sign with SHA-1` };
  if (signature === undefined || blob === undefined) {
    return { answer: 'usable', key, algorithm: algorithmName(key.type, digest) };
  }
  if (!isSignedBy(key, { digest, blob, signature })) {
    return { answer: 'reject', reason: `bad signature for key ${fingerprint}` };
  }
  return { answer: 'accept', key };
}

function digestOf(type: KeyType, hashAlgo: string | undefined): string | null | undefined {
  if (type !== 'ssh-rsa') return digests[type];
  return hashAlgo === 'sha256' || hashAlgo === 'sha512' ? hashAlgo : undefined;
}

// RFC 8332 §3.2: the signature algorithm's name, where it differs from the key's.
function algorithmName(type: KeyType, digest: string | null): string {
  if (type !== 'ssh-rsa') return type;
  return digest === 'sha512' ? 'rsa-sha2-512' : 'rsa-sha2-256';
}

type Signed = { digest: string | null; blob: Buffer; signature: Buffer };

function isSignedBy(key: AuthorizedKey, { digest, blob, signature }: Signed): boolean {
  try {
    return verify(digest, blob, importPublicKey(key.type, key.blob), signature);
  } catch {
    return false;
  }
}
