import {
  authorizeCertificate,
  authorizeKey,
  type Authorized,
  type Refused,
  type Visitor,
} from './authorize.js';
import { isCertificateName, parseCertificate, uncertifiedName } from './certificate.js';
import type { AuthorizedKey } from './keys.js';
import { fingerprintOf, type PublicKey } from './publickey.js';
import { unmetDemand } from './security-key.js';
import { fitsKey, isSignedBy, restoreSignature, type Signature } from './signature.js';

/**
 * One SSH_MSG_USERAUTH_REQUEST (RFC 4252 §5, §7) as ssh2 hands it over. `signature` is absent while the client only asks
 * whether a key would do; restoreSignature says what ssh2 makes of it. `hashAlgo` is set for rsa-sha2-256 and rsa-sha2-512 alone, which
 * are called ssh-rsa then.
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
  | { answer: 'usable'; algorithm: string }
  | ({ answer: 'accept' } & Authorized);

/** Nothing but a verified signature of a known key, or of one that a known authority has certified, logs in. */
export function decideAttempt(
  attempt: AuthenticationAttempt,
  keys: readonly AuthorizedKey[],
  visitor: Visitor,
): Decision {
  const { key: offered, signature, blob } = attempt;
  if (attempt.method !== 'publickey' || offered === undefined) {
    return reject(`method ${attempt.method} is not offered`);
  }
  const algorithm = requestedAlgorithm(offered.algo, attempt.hashAlgo);
  const candidate = isCertificateName(algorithm)
    ? certified(offered.data, keys, visitor)
    : known(offered.data, keys, visitor);
  if ('refused' in candidate) return reject(candidate.refused);
  const { key, what, authorized } = candidate;
  const signs = isCertificateName(algorithm) ? uncertifiedName(algorithm) : algorithm;
  if (!fitsKey(signs, key.type)) return reject(`${what} would sign with ${signs}`);
  if (signature === undefined || blob === undefined) return { answer: 'usable', algorithm };
  const given = readSignature(algorithm, signature);
  if (given?.algorithm !== signs || !isSignedBy(key, blob, given)) return reject(`bad signature for ${what}`);
  const unmet = given.device && unmetDemand(given.device, authorized.demands);
  if (unmet !== undefined) return reject(`${what}: ${unmet}`);
  return { answer: 'accept', ...authorized };
}

/** `what` names it in the log. */
type Candidate = { key: PublicKey; what: string; authorized: Authorized };

function known(blob: Buffer, keys: readonly AuthorizedKey[], visitor: Visitor): Candidate | Refused {
  const what = `key ${fingerprintOf(blob)}`;
  const lines = keys.filter((line) => !line.options.authority && line.blob.equals(blob));
  if (lines[0] === undefined) return { refused: `unknown ${what}` };
  return firstOf(lines, (line) => authorizeKey(line, visitor), { key: lines[0], what });
}

function certified(blob: Buffer, keys: readonly AuthorizedKey[], visitor: Visitor): Candidate | Refused {
  try {
    const linesOf = (authority: Buffer) =>
      keys.filter((line) => line.options.authority && line.blob.equals(authority));
    const certificate = parseCertificate(blob, (authority) => linesOf(authority).length > 0);
    const what = `certificate ${JSON.stringify(certificate.id.slice(0, 60))} (serial ${certificate.serial})`;
    const { key, authority } = certificate;
    return firstOf(linesOf(authority.blob), (line) => authorizeCertificate(line, certificate, visitor), {
      key,
      what,
    });
  } catch (error) {
    return { refused: `certificate refused: ${(error as Error).message}` };
  }
}

/** As in sshd, a line that does not let in leaves it to the next one. */
function firstOf(
  lines: readonly AuthorizedKey[],
  ask: (line: AuthorizedKey) => Authorized | Refused,
  { key, what }: Omit<Candidate, 'authorized'>,
): Candidate | Refused {
  let reason = '';
  for (const line of lines) {
    const answer = ask(line);
    if (!('refused' in answer)) return { key, what, authorized: answer };
    reason = answer.refused;
  }
  return { refused: `${what}: ${reason}` };
}

// RFC 8332 §3.2: the signature algorithm's name, where it differs from the key's.
function requestedAlgorithm(name: string, hash: string | undefined): string {
  if (name !== 'ssh-rsa' || hash === undefined) return name;
  return hash === 'sha512' ? 'rsa-sha2-512' : 'rsa-sha2-256';
}

function readSignature(algorithm: string, signature: Buffer): Signature | undefined {
  try {
    return restoreSignature(algorithm, signature);
  } catch {
    return undefined;
  }
}

function reject(reason: string): Decision {
  return { answer: 'reject', reason };
}
