import type { Rights } from '../model/rights.js';
import { parseOptions } from './options.js';
import type { KeyOptions } from './option-table.js';
import { fingerprintOf, importPublicKey, isKeyType, keyTypes, type PublicKey } from './publickey.js';

/** A key that may log in, or (`options.authority`) whose certificates may. */
export type AuthorizedKey = PublicKey & { fingerprint: string; comment: string; options: KeyOptions };

/** `line` counts from 1. */
export type RejectedLine = { line: number; reason: string };

export type AuthorizedKeys = { keys: AuthorizedKey[]; rejected: RejectedLine[] };

/**
 * authorized_keys as sshd(8) has it: a line that is not wholly understood grants nothing and is named in `rejected`. `checkRights`
 * throws an Error for rights that name what this runner does not have.
 */
export function parseAuthorizedKeys(
  text: string,
  checkRights: (rights: Rights) => void = () => {},
): AuthorizedKeys {
  const result: AuthorizedKeys = { keys: [], rejected: [] };
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  for (const [index, raw] of lines.entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    try {
      const key = parseLine(line);
      checkRights(key.options.rights);
      result.keys.push(key);
    } catch (error) {
      result.rejected.push({ line: index + 1, reason: (error as Error).message });
    }
  }
  return result;
}

function parseLine(line: string): AuthorizedKey {
  if (line.startsWith('-----BEGIN'))
    throw new Error('this is a key file in another format: paste the line of the .pub file');
  const hasOptions = !isAlgorithmName(nextWord(line)[0]);
  const end = hasOptions ? endOfOptions(line) : 0;
  if (end === undefined) throw new Error('the quotes of the options are not closed');
  const [type, rest] = nextWord(line.slice(end));
  if (!isAlgorithmName(type))
    throw new Error(
      'this is not a line of authorized_keys: it has to have the type of a key, behind options at most',
    );
  const options = parseOptions(line.slice(0, end));
  if (!isKeyType(type)) throw new Error(explainType(type));
  const [encoded, comment] = nextWord(rest);
  const key = importPublicKey(type, decodeBase64(encoded));
  if (options.verificationRequired && key.application === undefined && !options.authority)
    throw new Error('option verify-required has a meaning with a security key alone');
  return { ...key, fingerprint: fingerprintOf(key.blob), comment: printable(comment), options };
}

// `status` shows it on the terminals of others.
function printable(comment: string): string {
  return comment.replace(/[\p{C}\u2028\u2029]+/gu, ' ').trim();
}

// RFC 4250 §4.6.1 allows more; these are the shapes of every public key algorithm that sshd knows.
function isAlgorithmName(word: string): boolean {
  return /^(?:ssh-|ecdsa-sha2-|sk-|rsa-sha2-|webauthn-)[a-z0-9@.-]+$/.test(word);
}

function explainType(type: string): string {
  if (/-cert-v\d+@/.test(type))
    return 'this is a certificate: authorize the key that signed it, with the option cert-authority';
  if (type === 'ssh-dss') return 'ssh-dss keys are too weak: make one with ssh-keygen -t ed25519';
  const shown = type.length > 60 ? `${type.slice(0, 57)}...` : type;
  return `key type ${shown} is not supported, use one of ${keyTypes.join(', ')}`;
}

// sshkey_advance_past_options of OpenSSH's authfile.c: blanks inside quotes do not end the options, and \" is no quote.
function endOfOptions(line: string): number | undefined {
  let quoted = false;
  let at = 0;
  for (; at < line.length; at++) {
    const char = line[at];
    if (char === '\\' && line[at + 1] === '"') at++;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && (char === ' ' || char === '\t')) break;
  }
  return quoted ? undefined : at;
}

function nextWord(text: string): [string, string] {
  const match = /^[ \t]*([^ \t]*)[ \t]*(.*)$/s.exec(text);
  return [match?.[1] ?? '', match?.[2] ?? ''];
}

function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  // Node skips what is not base64, so only the way back shows it.
  if (text === '' || bytes.toString('base64') !== text) throw new Error('the key is not valid base64');
  return bytes;
}
