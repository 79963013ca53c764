import { createHash } from 'node:crypto';
import type { Credentials } from '../../model/credentials.js';
import { Failure } from '../../model/errors.js';
import type { RepositoryUrl } from '../../model/repository.js';
import type { Secret } from '../../model/secret.js';

/**
 * What a caller shows to one forge. Nothing at all is a credential too: the forge decides whether that is
 * enough.
 */
export type Credential =
  | { kind: 'anonymous' }
  | { kind: 'key'; key: Secret }
  | { kind: 'agent'; socket: string }
  | { kind: 'token'; username: string; token: Secret };

/** The name that forges expect beside a token. */
const TOKEN_USERNAME = 'x-access-token';

/**
 * The part of what the caller lends that the repository's transport has a use for; a key goes before the agent. Throws
 * CREDENTIALS_INVALID for what no forge can accept.
 */
export function credentialFor(
  repository: RepositoryUrl,
  { git, agent }: Pick<Credentials, 'git' | 'agent'>,
): Credential {
  if (repository.kind === 'ssh' && git.sshKey !== undefined) {
    checkUnlocked(git.sshKey.reveal());
    return { kind: 'key', key: git.sshKey };
  }
  if (repository.kind === 'ssh' && agent !== undefined) return { kind: 'agent', socket: agent.socket };
  const isWeb = repository.kind === 'http' || repository.kind === 'https';
  if (!isWeb || git.token === undefined) return { kind: 'anonymous' };
  const username = git.username ?? TOKEN_USERNAME;
  checkOneLine('username', username);
  checkOneLine('token', git.token.reveal().trim());
  return { kind: 'token', username, token: git.token };
}

/** Names repository and credential together without giving the credential away. */
export function fingerprint(
  repository: RepositoryUrl,
  credential: Exclude<Credential, { kind: 'agent' }>,
): string {
  const parts = [repository.url, credential.kind, ...secretParts(credential)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function secretParts(credential: Exclude<Credential, { kind: 'agent' }>): string[] {
  if (credential.kind === 'key') return [credential.key.reveal()];
  return credential.kind === 'token' ? [credential.username, credential.token.reveal()] : [];
}

// gitcredentials(7) are lines: a line end would smuggle in another attribute.
function checkOneLine(name: string, value: string): void {
  if (!/[\u0000-\u001f\u007f]/.test(value)) return;
  throw new Failure(
    'CREDENTIALS_INVALID',
    `git.${name} of the credentials document holds a control character`,
  );
}

// ssh itself only says that permission was denied: it cannot ask for the passphrase.
function checkUnlocked(key: string): void {
  if (!/\bENCRYPTED\b/.test(key) && cipherOf(key) === 'none') return;
  throw new Failure('CREDENTIALS_INVALID', 'git.sshKey of the credentials document has a passphrase', {
    hint: 'give a private key without one',
  });
}

const OPENSSH_KEY = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/;
const MAGIC = 'openssh-key-v1\0';

// PROTOCOL.key of OpenSSH: the magic, then the cipher's name as a string with its length in front.
function cipherOf(key: string): string {
  const body = Buffer.from(OPENSSH_KEY.exec(key)?.[1] ?? '', 'base64');
  const start = MAGIC.length + 4;
  if (body.length < start || body.toString('latin1', 0, MAGIC.length) !== MAGIC) return 'none';
  return body.toString('latin1', start, start + body.readUInt32BE(MAGIC.length));
}
