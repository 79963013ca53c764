import { fingerprintOf, importPublicKey, isKeyType, keyTypes, type KeyType } from './publickey.js';

/** A key that may log in. `blob` is the public key in wire format, as a client presents it. */
export type AuthorizedKey = { type: KeyType; blob: Buffer; fingerprint: string; comment: string };

/** `line` counts from 1. */
export type RejectedLine = { line: number; reason: string };

export type AuthorizedKeys = { keys: AuthorizedKey[]; rejected: RejectedLine[] };

/** authorized_keys as sshd(8) has it, less what is not supported: such a line grants nothing and is named in `rejected`. */
export function parseAuthorizedKeys(text: string): AuthorizedKeys {
  const result: AuthorizedKeys = { keys: [], rejected: [] };
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  for (const [index, raw] of lines.entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    try {
      result.keys.push(parseLine(line));
    } catch (error) {
      result.rejected.push({ line: index + 1, reason: (error as Error).message });
    }
  }
  return result;
}

function parseLine(line: string): AuthorizedKey {
  const [type, rest] = nextWord(line);
  if (!isAlgorithmName(type)) throw new Error(explainNoKey(line));
  if (!isKeyType(type)) throw new Error(explainType(type));
  const [encoded, comment] = nextWord(rest);
  const blob = decodeBase64(encoded);
  importPublicKey(type, blob);
  return { type, blob, fingerprint: fingerprintOf(blob), comment };
}

// RFC 4250 §4.6.1 allows more; these are the shapes of every public key algorithm that sshd knows.
function isAlgorithmName(word: string): boolean {
  return /^(?:ssh-|ecdsa-sha2-|sk-|rsa-sha2-)[a-z0-9@.-]+$/.test(word);
}

function explainType(type: string): string {
  if (/-cert-v\d+@/.test(type)) return `certificates are not supported yet: ${type}`;
  if (type.startsWith('sk-')) return `hardware-backed keys are not supported yet: ${type}`;
  if (type === 'ssh-dss') return 'ssh-dss keys are too weak: make one with ssh-keygen -t ed25519';
  return `key type ${shorten(type)} is not supported, use one of ${keyTypes.join(', ')}`;
}

function explainNoKey(line: string): string {
  if (line.startsWith('-----BEGIN'))
    return 'this is a key file in another format: paste the line of the .pub file';
  const end = endOfOptions(line);
  if (end === undefined) return 'the quotes of the options are not closed';
  const [type] = nextWord(line.slice(end));
  if (isAlgorithmName(type)) return `options are not supported yet: ${shorten(line.slice(0, end))}`;
  return 'this is not a line of authorized_keys: it has to start with the type of a key';
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

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
