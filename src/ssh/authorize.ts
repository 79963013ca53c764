import type { Rights } from '../model/rights.js';
import { isFrom } from './addresses.js';
import { readCertificateOptions, type CertificateOptions } from './certificate-options.js';
import type { Certificate } from './certificate.js';
import type { AuthorizedKey } from './keys.js';
import { fingerprintOf } from './publickey.js';
import type { DeviceDemands } from './security-key.js';

/** Who asks, from where, and when. */
export type Visitor = { username: string; address: string; now: Date };

/** Somebody whom a line of authorized_keys lets in, if the signature proves it. */
export type Authorized = {
  /** As the operator's log and other callers see it; of a certificate, the certified key and its id. */
  fingerprint: string;
  comment: string;
  rights: Rights;
  demands: DeviceDemands;
};

/** Why not, for the operator's log. */
export type Refused = { refused: string };

/** Whether the line of a plain key lets this visitor in. */
export function authorizeKey(line: AuthorizedKey, visitor: Visitor): Authorized | Refused {
  const refused = refusalByLine(line, visitor);
  if (refused !== undefined) return { refused };
  const { fingerprint, comment, options } = line;
  const { touchRequired: touch, verificationRequired: verification, rights } = options;
  return { fingerprint, comment, rights, demands: { touch, verification } };
}

/**
 * Whether the line of its authority lets the holder of a certificate in, as auth_check_authkey_line of OpenSSH's auth2-pubkeyfile.c has
 * it: line and certificate both have their say, and the narrower one counts.
 */
export function authorizeCertificate(
  line: AuthorizedKey,
  certificate: Certificate,
  visitor: Visitor,
): Authorized | Refused {
  const refused = refusalByLine(line, visitor) ?? refusalByCertificate(line, certificate, visitor);
  if (refused !== undefined) return { refused };
  try {
    return merge(line, certificate, visitor);
  } catch (error) {
    return { refused: (error as Error).message };
  }
}

function refusalByLine({ options }: AuthorizedKey, { address, now }: Visitor): string | undefined {
  const { from, expires } = options;
  if (expires !== undefined && seconds(expires) < seconds(now))
    return `its line expired at ${expires.toISOString()}`;
  if (from !== undefined && !isFrom(from, address)) return `its line does not let it in from ${address}`;
  return undefined;
}

// sshkey_cert_check_authority of sshkey.c. A certificate without principals was once good for everybody; now it is for nobody.
function refusalByCertificate(
  { options }: AuthorizedKey,
  { kind, validAfter, validBefore, principals }: Certificate,
  { username, now }: Visitor,
): string | undefined {
  const time = BigInt(seconds(now));
  if (kind !== 'user') return 'it is the certificate of a host';
  if (time < validAfter) return 'it is not valid yet';
  if (time >= validBefore) return 'it has expired';
  const wanted = options.principals ?? [username];
  if (principals.some((principal) => wanted.includes(principal))) return undefined;
  return `none of its principals (${principals.join(', ').slice(0, 100)}) is one of ${wanted.join(', ').slice(0, 100)}`;
}

function merge(line: AuthorizedKey, certificate: Certificate, { address }: Visitor): Authorized {
  const { options } = line;
  const limits = readCertificateOptions(certificate);
  if (limits.sourceAddresses !== undefined && !isFrom(limits.sourceAddresses, address))
    throw new Error(`its source-address does not let it in from ${address}`);
  const verification = options.verificationRequired || limits.verificationRequired;
  // sshd asks nothing of a key that has no device; a demand that cannot be met is no reason to let somebody in.
  if (verification && certificate.key.application === undefined)
    throw new Error('its user has to be verified, and it is no security key');
  return {
    fingerprint: fingerprintOf(certificate.key.blob),
    comment: commentOf(certificate, line),
    rights: narrower(options.rights, limits),
    demands: { touch: options.touchRequired || limits.touchRequired, verification },
  };
}

function narrower(rights: Rights, { forced, terminal, agent, forwarding }: CertificateOptions): Rights {
  if (rights.forced !== undefined && forced !== undefined && rights.forced !== forced)
    throw new Error('its force-command is not the command= of its line');
  return {
    ...rights,
    ...(forced !== undefined && { forced }),
    ...(!terminal && { noTerminal: true }),
    ...(!agent && { noAgent: true }),
    ...(!forwarding && { noForwarding: true }),
  };
}

// Whoever can make the authority sign chooses the id: it may not look like something else in a log.
function commentOf({ id }: Certificate, { comment }: AuthorizedKey): string {
  const plain = id.replace(/[\p{C}\s]+/gu, ' ').trim();
  return plain === '' ? comment : plain.slice(0, 100);
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}
