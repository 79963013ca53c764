import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { wireString } from './wire.js';

const preamble = Buffer.from('SSHSIG');
const version = Buffer.from([0, 0, 0, 1]);
const type = 'ssh-ed25519';
const hash = 'sha512';
const reserved = wireString('');

/**
 * What `ssh-keygen -Y sign` makes of a text with an ed25519 private key, as OpenSSH's PROTOCOL.sshsig has it: armored, without a line end.
 * `namespace` says what the signature is for; it is not valid for anything else.
 */
export function sshSignature(
  key: KeyObject,
  { namespace, text }: { namespace: string; text: string },
): string {
  const scope = [wireString(namespace), reserved, wireString(hash)];
  const digest = createHash(hash).update(text).digest();
  // The preamble keeps what is signed here apart from all that a host key signs when somebody connects.
  const signature = sign(null, Buffer.concat([preamble, ...scope, wireString(digest)]), key);
  const parts = [preamble, version, wireString(publicBlob(key)), ...scope, wireString(typed(signature))];
  return armor(Buffer.concat(parts));
}

// RFC 8709 §4: the public key's point, after the name of its type.
function publicBlob(key: KeyObject): Buffer {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  return typed(Buffer.from(x, 'base64url'));
}

function typed(content: Buffer): Buffer {
  return Buffer.concat([wireString(type), wireString(content)]);
}

function armor(blob: Buffer): string {
  const lines = blob.toString('base64').replace(/.{70}(?=.)/g, '$&\n');
  return `-----BEGIN SSH SIGNATURE-----\n${lines}\n-----END SSH SIGNATURE-----`;
}
