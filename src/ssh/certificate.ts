import {
  fingerprintOf,
  importPublicKey,
  isKeyType,
  readKeyFields,
  type KeyType,
  type PublicKey,
} from './publickey.js';
import { isSignedBy, parseSignature } from './signature.js';
import { createReader, WireError, wireString, type WireReader } from './wire.js';

/** A certificate of OpenSSH's PROTOCOL.certkeys. Its signature is that of `authority`. */
export type Certificate = {
  /** What it certifies. */
  key: PublicKey;
  kind: 'user' | 'host';
  serial: bigint;
  /** Free text by which the authority knows it. */
  id: string;
  principals: readonly string[];
  /** Seconds since 1970: valid from the first on, and not any more at the second. */
  validAfter: bigint;
  validBefore: bigint;
  criticalOptions: ReadonlyMap<string, Buffer>;
  extensions: ReadonlyMap<string, Buffer>;
  authority: PublicKey;
};

const SUFFIX = '-cert-v01@openssh.com';
const kinds = ['user', 'host'] as const;
/** SSHKEY_CERT_MAX_PRINCIPALS of sshkey.h. */
const MAX_PRINCIPALS = 256;

/** Whether this names a certificate: as a key's type, or as a signature algorithm of its key. */
export function isCertificateName(name: string): boolean {
  return name.endsWith(SUFFIX);
}

/** `sk-ssh-ed25519-cert-v01@openssh.com` → `sk-ssh-ed25519@openssh.com`: the name without the certificate. */
export function uncertifiedName(name: string): string {
  const plain = name.slice(0, -SUFFIX.length);
  return plain.startsWith('sk-') ? `${plain}@openssh.com` : plain;
}

/**
 * Certificate in wire format → its content, its authority's signature checked, which is not done for everybody: `isAuthority` is asked
 * for the authority's key first. Throws an Error that says what is wrong.
 */
export function parseCertificate(blob: Buffer, isAuthority: (key: Buffer) => boolean): Certificate {
  try {
    return readCertificate(blob, isAuthority);
  } catch (cause) {
    if (cause instanceof WireError)
      throw new Error(`the certificate is damaged: ${cause.message}`, { cause });
    throw cause;
  }
}

function readCertificate(blob: Buffer, isAuthority: (key: Buffer) => boolean): Certificate {
  const reader = createReader(blob);
  const name = reader.text();
  const type = isCertificateName(name) ? uncertifiedName(name) : '';
  if (!isKeyType(type)) throw new Error('it is not a certificate of a key that may log in');
  reader.string(); // a nonce
  const certificate = { key: readKey(type, reader), ...readBody(reader) };
  const signed = blob.subarray(0, reader.offset());
  const signature = parseSignature(reader.string());
  reader.end();
  const { authority } = certificate;
  if (!isAuthority(authority.blob)) throw new Error(`unknown authority ${fingerprintOf(authority.blob)}`);
  if (!isSignedBy(authority, signed, signature))
    throw new Error('its signature is not that of its authority, or made with SHA-1');
  return certificate;
}

function readKey(type: KeyType, reader: WireReader): PublicKey {
  const { fields, ...key } = readKeyFields(type, reader);
  return { type, blob: Buffer.concat([wireString(type), fields]), ...key };
}

function readBody(reader: WireReader): Omit<Certificate, 'key'> {
  const serial = reader.uint64();
  const kind = kinds[reader.uint32() - 1];
  if (kind === undefined) throw new WireError('it is neither of a user nor of a host');
  const body = {
    ...{ serial, kind },
    id: reader.text(),
    principals: readPrincipals(reader.string()),
    validAfter: reader.uint64(),
    validBefore: reader.uint64(),
    criticalOptions: readOptions(reader.string()),
    extensions: readOptions(reader.string()),
  };
  reader.string(); // reserved
  return { ...body, authority: readAuthority(reader.string()) };
}

function readPrincipals(list: Buffer): string[] {
  const reader = createReader(list);
  const principals: string[] = [];
  while (!reader.atEnd()) principals.push(reader.text());
  if (principals.length > MAX_PRINCIPALS)
    throw new WireError(`it has more than ${MAX_PRINCIPALS} principals`);
  return principals;
}

function readOptions(list: Buffer): Map<string, Buffer> {
  const reader = createReader(list);
  const options = new Map<string, Buffer>();
  while (!reader.atEnd()) {
    const name = reader.text();
    if (options.has(name)) throw new WireError(`it has '${name}' twice`);
    options.set(name, reader.string());
  }
  return options;
}

// A certificate signs no certificate: chains are not part of the format.
function readAuthority(blob: Buffer): PublicKey {
  const type = createReader(blob).text();
  if (!isKeyType(type)) throw new Error(`its authority is no plain key: ${type.slice(0, 60)}`);
  return importPublicKey(type, blob);
}
