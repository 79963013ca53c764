import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as authentication from '../../../src/ssh/authentication.js';
import { parseAuthorizedKeys, type AuthorizedKey } from '../../../src/ssh/keys.js';
import { wireString } from '../../../src/ssh/wire.js';

const visitor = { username: 'root', address: '192.0.2.1', now: new Date() };
const decideAttempt = (attempt: authentication.AuthenticationAttempt, keys: readonly AuthorizedKey[]) =>
  authentication.decideAttempt(attempt, keys, visitor);
const request = Buffer.from('what the client signs');
const bytes = (text = '') => Buffer.from(text, 'base64url');

function authorized(type: string, ...fields: Buffer[]): AuthorizedKey {
  const blob = Buffer.concat([wireString(type), ...fields.map(wireString)]);
  const { keys, rejected } = parseAuthorizedKeys(`${type} ${blob.toString('base64')} me`);
  expect(rejected).toEqual([]);
  return keys[0]!;
}

function ed25519(): { key: AuthorizedKey; secret: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { key: authorized('ssh-ed25519', bytes(publicKey.export({ format: 'jwk' }).x)), secret: privateKey };
}

function rsa(): { key: AuthorizedKey; secret: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { e, n } = publicKey.export({ format: 'jwk' });
  return {
    key: authorized('ssh-rsa', bytes(e), Buffer.concat([Buffer.from([0]), bytes(n)])),
    secret: privateKey,
  };
}

const mine = ed25519();
const other = ed25519();
const offer = (key: AuthorizedKey) => ({ method: 'publickey', key: { algo: key.type, data: key.blob } });
const signed = (secret: KeyObject, digest: string | null = null) => ({
  blob: request,
  signature: sign(digest, request, secret),
});

describe('decideAttempt', () => {
  it.each(['none', 'password', 'keyboard-interactive', 'hostbased'])('rejects method %s', (method) => {
    expect(decideAttempt({ ...offer(mine.key), method }, [mine.key]).answer).toBe('reject');
  });

  it('says that a known key is usable, and accepts its signature alone', () => {
    const keys = [other.key, mine.key];
    expect(decideAttempt(offer(mine.key), keys)).toMatchObject({
      answer: 'usable',
      algorithm: 'ssh-ed25519',
    });
    const accepted = decideAttempt({ ...offer(mine.key), ...signed(mine.secret) }, keys);
    expect(accepted).toMatchObject({
      answer: 'accept',
      fingerprint: mine.key.fingerprint,
      comment: 'me',
      rights: {},
    });
    const forged = decideAttempt({ ...offer(mine.key), ...signed(other.secret) }, keys);
    expect(forged).toMatchObject({
      answer: 'reject',
      reason: expect.stringContaining('bad signature') as string,
    });
  });

  it('rejects a key that is not authorized, asked or signed', () => {
    for (const attempt of [offer(mine.key), { ...offer(mine.key), ...signed(mine.secret) }]) {
      expect(decideAttempt(attempt, [other.key])).toEqual({
        answer: 'reject',
        reason: `unknown key ${mine.key.fingerprint}`,
      });
    }
  });

  it('rejects everything where no key is authorized', () => {
    expect(decideAttempt({ ...offer(mine.key), ...signed(mine.secret) }, []).answer).toBe('reject');
  });

  it('rejects a known key under the name of another type', () => {
    const attempt = { ...offer(mine.key), ...signed(mine.secret) };
    attempt.key.algo = 'ssh-rsa';
    expect(decideAttempt({ ...attempt, hashAlgo: 'sha256' }, [mine.key]).answer).toBe('reject');
  });

  it('takes RSA with SHA-2, and never with SHA-1', () => {
    const { key, secret } = rsa();
    for (const [hashAlgo, algorithm] of [
      ['sha256', 'rsa-sha2-256'],
      ['sha512', 'rsa-sha2-512'],
    ] as const) {
      const attempt = { ...offer(key), hashAlgo };
      expect(decideAttempt(attempt, [key])).toMatchObject({ answer: 'usable', algorithm });
      expect(decideAttempt({ ...attempt, ...signed(secret, hashAlgo) }, [key]).answer).toBe('accept');
    }
    expect(decideAttempt(offer(key), [key]).answer).toBe('reject');
    expect(decideAttempt({ ...offer(key), ...signed(secret, 'sha1') }, [key]).answer).toBe('reject');
    expect(decideAttempt({ ...offer(key), hashAlgo: 'sha1', ...signed(secret, 'sha1') }, [key]).answer).toBe(
      'reject',
    );
    expect(
      decideAttempt({ ...offer(key), hashAlgo: 'sha256', ...signed(secret, 'sha1') }, [key]).answer,
    ).toBe('reject');
  });
});
