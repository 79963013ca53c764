import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { createReader, WireError, type WireReader } from './wire.js';

/** The key types that may log in. RSA signs with rsa-sha2-256 or rsa-sha2-512 alone (RFC 8332), never with SHA-1. */
export const keyTypes = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
] as const;
export type KeyType = (typeof keyTypes)[number];

/** A key to check signatures with. */
export type PublicKey = {
  type: KeyType;
  /** Wire format, as a client presents it and as its fingerprint is made of. */
  blob: Buffer;
  key: KeyObject;
  /** Of a security key: what it signs for, mostly `ssh:` (OpenSSH's PROTOCOL.u2f). */
  application?: Buffer;
};

/** Bytes of one coordinate. */
export const curves = {
  'ecdsa-sha2-nistp256': { name: 'nistp256', jwk: 'P-256', bytes: 32 },
  'ecdsa-sha2-nistp384': { name: 'nistp384', jwk: 'P-384', bytes: 48 },
  'ecdsa-sha2-nistp521': { name: 'nistp521', jwk: 'P-521', bytes: 66 },
} as const;

/** OpenSSL checks no signature of a longer modulus (OPENSSL_RSA_MAX_MODULUS_BITS). */
const rsaBits = { min: 2048, max: 16384 };

export function isKeyType(name: string): name is KeyType {
  return (keyTypes as readonly string[]).includes(name);
}

/** As `ssh-keygen -l` prints it. */
export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/**
 * Public key in wire format (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4, PROTOCOL.u2f) → the key.
 * Throws an Error whose message says what is wrong with it.
 */
export function importPublicKey(type: KeyType, blob: Buffer): PublicKey {
  const reader = createReader(blob);
  return told(() => {
    if (reader.string().toString('latin1') !== type) throw new Error(`the key is not of type ${type}`);
    const { fields: _fields, ...key } = readKeyFields(type, reader);
    reader.end();
    return { type, blob, ...key };
  });
}

/** The fields that follow a key's type; a certificate has the same ones. Throws as `importPublicKey`. */
export function readKeyFields(
  type: KeyType,
  reader: WireReader,
): Pick<PublicKey, 'key' | 'application'> & { fields: Buffer } {
  const from = reader.offset();
  const jwk = told(() => readJwk(type, reader));
  const application = type.startsWith('sk-') ? reader.string() : undefined;
  const fields = reader.since(from);
  try {
    return { key: createPublicKey({ key: jwk, format: 'jwk' }), fields, ...(application && { application }) };
  } catch (cause) {
    throw new Error('the key is damaged', { cause });
  }
}

function told<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof WireError) throw new Error('the key is damaged', { cause });
    throw cause;
  }
}

function readJwk(type: KeyType, reader: WireReader): JsonWebKey {
  switch (type) {
    case 'ssh-ed25519':
    case 'sk-ssh-ed25519@openssh.com':
      return ed25519(reader.string());
    case 'ssh-rsa':
      return rsa(reader.string(), reader.string());
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return ecdsa(curves['ecdsa-sha2-nistp256'], reader.string(), reader.string());
    default:
      return ecdsa(curves[type], reader.string(), reader.string());
  }
}

function ed25519(point: Buffer): JsonWebKey {
  if (point.length !== 32) throw new WireError('not a point');
  return { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') };
}

function ecdsa(curve: (typeof curves)[keyof typeof curves], name: Buffer, point: Buffer): JsonWebKey {
  const wellFormed = name.toString('latin1') === curve.name && point.length === 1 + 2 * curve.bytes;
  if (!wellFormed || point[0] !== 4) throw new WireError('not a point');
  const x = point.subarray(1, 1 + curve.bytes).toString('base64url');
  const y = point.subarray(1 + curve.bytes).toString('base64url');
  return { kty: 'EC', crv: curve.jwk, x, y };
}

function rsa(exponent: Buffer, modulus: Buffer): JsonWebKey {
  const bits = bitLength(modulus);
  if (bits < rsaBits.min)
    throw new Error(`an RSA key needs at least ${rsaBits.min} bits, this one has ${bits}`);
  if (bits > rsaBits.max) throw new Error(`an RSA key has at most ${rsaBits.max} bits, this one has ${bits}`);
  return { kty: 'RSA', e: exponent.toString('base64url'), n: modulus.toString('base64url') };
}

function bitLength(number: Buffer): number {
  const start = number.findIndex((byte) => byte !== 0);
  return start < 0 ? 0 : (number.length - start) * 8 - (Math.clz32(number[start]!) - 24);
}
