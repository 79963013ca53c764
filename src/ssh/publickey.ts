import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { readStrings } from './wire.js';

/** The key types that may log in. RSA signs with rsa-sha2-256 or rsa-sha2-512 alone (RFC 8332), never with SHA-1. */
export const keyTypes = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
] as const;
export type KeyType = (typeof keyTypes)[number];

/** OpenSSL checks no signature of a longer modulus (OPENSSL_RSA_MAX_MODULUS_BITS). */
const rsaBits = { min: 2048, max: 16384 };

const curves = {
  'ecdsa-sha2-nistp256': { name: 'nistp256', jwk: 'P-256', bytes: 32 },
  'ecdsa-sha2-nistp384': { name: 'nistp384', jwk: 'P-384', bytes: 48 },
  'ecdsa-sha2-nistp521': { name: 'nistp521', jwk: 'P-521', bytes: 66 },
} as const;

export function isKeyType(name: string): name is KeyType {
  return (keyTypes as readonly string[]).includes(name);
}

/** As `ssh-keygen -l` prints it. */
export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/**
 * Public key in wire format (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4) → the key.
 * Throws an Error whose message says what is wrong with it.
 */
export function importPublicKey(type: KeyType, blob: Buffer): KeyObject {
  const [name, ...fields] = readStrings(blob) ?? [];
  if (name?.toString('latin1') !== type) throw new Error(`the key is not of type ${type}`);
  const key = jwkOf(type, fields);
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch (cause) {
    throw new Error('the key is damaged', { cause });
  }
}

function jwkOf(type: KeyType, fields: Buffer[]): JsonWebKey {
  if (type === 'ssh-ed25519') return ed25519(fields);
  if (type === 'ssh-rsa') return rsa(fields);
  return ecdsa(curves[type], fields);
}

function ed25519([point, ...more]: Buffer[]): JsonWebKey {
  if (point?.length !== 32 || more.length > 0) throw new Error('the key is damaged');
  return { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') };
}

function ecdsa(curve: (typeof curves)[keyof typeof curves], [name, point, ...more]: Buffer[]): JsonWebKey {
  const wellFormed = name?.toString('latin1') === curve.name && point?.length === 1 + 2 * curve.bytes;
  if (!wellFormed || point[0] !== 4 || more.length > 0) throw new Error('the key is damaged');
  const x = point.subarray(1, 1 + curve.bytes).toString('base64url');
  const y = point.subarray(1 + curve.bytes).toString('base64url');
  return { kty: 'EC', crv: curve.jwk, x, y };
}

function rsa([exponent, modulus, ...more]: Buffer[]): JsonWebKey {
  if (exponent === undefined || modulus === undefined || more.length > 0)
    throw new Error('the key is damaged');
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
