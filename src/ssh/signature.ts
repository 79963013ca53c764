import { verify } from 'node:crypto';
import type { KeyType, PublicKey } from './publickey.js';
import { deviceMessage, type DeviceReport } from './security-key.js';
import { createReader, WireError, wireString } from './wire.js';

/** A signature taken apart. `value` is as node:crypto checks it: DER for ECDSA. */
export type Signature = {
  /** RFC 4253 §6.6: `ssh-ed25519`, `rsa-sha2-256`. */
  algorithm: string;
  value: Buffer;
  /** Of security keys alone. */
  device?: DeviceReport;
};

const digests = {
  'ssh-ed25519': null,
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
  'sk-ssh-ed25519@openssh.com': null,
  'sk-ecdsa-sha2-nistp256@openssh.com': 'sha256',
} as const satisfies Record<Exclude<KeyType, 'ssh-rsa'>, string | null>;

const rsaDigests: Readonly<Record<string, string>> = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' };

/** Whether a key of this type may sign so: SHA-1 never. */
export function fitsKey(algorithm: string, type: KeyType): boolean {
  return type === 'ssh-rsa' ? Object.hasOwn(rsaDigests, algorithm) : algorithm === type;
}

export function isSignedBy(key: PublicKey, data: Buffer, { algorithm, value, device }: Signature): boolean {
  if (!fitsKey(algorithm, key.type)) return false;
  if ((key.application === undefined) !== (device === undefined)) return false;
  const digest = key.type === 'ssh-rsa' ? rsaDigests[algorithm] : digests[key.type];
  const signed =
    key.application !== undefined && device !== undefined
      ? deviceMessage(key.application, device, data)
      : data;
  try {
    return verify(digest, signed, key.key, value);
  } catch {
    return false;
  }
}

/** A signature in wire format (RFC 4253 §6.6, RFC 5656 §3.1.2, PROTOCOL.u2f). Throws WireError. */
export function parseSignature(wire: Buffer): Signature {
  const reader = createReader(wire);
  const algorithm = reader.text();
  const bytes = reader.string();
  const device = algorithm.startsWith('sk-')
    ? { device: { flags: reader.byte(), counter: reader.uint32() } }
    : {};
  reader.end();
  return { algorithm, value: algorithm.includes('ecdsa-') ? derOf(bytes) : bytes, ...device };
}

/** r and s → the DER sequence of two integers that OpenSSL reads. */
function derOf(bytes: Buffer): Buffer {
  const reader = createReader(bytes);
  const integers = [reader.string(), reader.string()].map((integer) => derField(2, integer));
  reader.end();
  return derField(0x30, Buffer.concat(integers));
}

function derField(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length > 0xff) throw new WireError('an integer is too long');
  return Buffer.concat([Buffer.from(length < 0x80 ? [tag, length] : [tag, 0x81, length]), content]);
}

/**
 * A signature as ssh2 1.17.0 hands it over (USERAUTH_REQUEST of lib/protocol/handlers.misc.js): without its algorithm's name where that
 * is the name of the request's algorithm, the length behind it lost; DER for ECDSA. Throws WireError.
 */
export function restoreSignature(requested: string, given: Buffer): Signature {
  if (requested.includes('-cert-v01@')) return parseSignature(given);
  if (!requested.startsWith('sk-')) return { algorithm: requested, value: given };
  // Five bytes follow the signature itself: flags and counter.
  const end = Math.max(0, given.length - 5);
  return parseSignature(
    Buffer.concat([wireString(requested), wireString(given.subarray(0, end)), given.subarray(end)]),
  );
}
