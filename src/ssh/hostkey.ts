import { createPrivateKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import ssh2 from 'ssh2';
import { Failure, startFailure } from '../model/errors.js';
import { fingerprintOf } from './publickey.js';
import { uint32, wireString } from './wire.js';

/**
 * `privateKey` is the text as ssh2 takes it, `signingKey` the same for receipts, `publicKey` the line for known_hosts (type and base64).
 */
export type HostKey = { privateKey: string; signingKey: KeyObject; fingerprint: string; publicKey: string };

const type = 'ssh-ed25519';

/**
 * The server's key in `file`, made (0600) where there is none. Safe when several runners start on one directory at once:
 * the first one's key stays, and all use it. Rejects with CONFIG_INVALID, or RUNNER_FAILED where it may pass.
 */
export async function loadHostKey(file: string): Promise<HostKey & { isNew: boolean }> {
  const found = await readKeyFile(file);
  if (found !== undefined) return { ...parseHostKey(found, file), isNew: false };
  const isNew = await createKeyFile(file);
  return { ...parseHostKey(await readFile(file, 'utf8'), file), isNew };
}

/** Throws CONFIG_INVALID unless `text` is an unencrypted ed25519 private key; `origin` says in the message where it is from. */
export function parseHostKey(text: string, origin: string): HostKey {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) {
    throw new Failure('CONFIG_INVALID', `the host key of ${origin} cannot be used: ${key.message}`, {
      cause: key,
    });
  }
  if (!key.isPrivateKey()) throw new Failure('CONFIG_INVALID', `the host key of ${origin} is a public key`);
  if (key.type !== type) {
    throw new Failure(
      'CONFIG_INVALID',
      `the host key of ${origin} is of type ${key.type}, only ${type} is supported`,
    );
  }
  const blob = key.getPublicSSH();
  return {
    privateKey: text,
    signingKey: createPrivateKey(key.getPrivatePEM()),
    fingerprint: fingerprintOf(blob),
    publicKey: `${type} ${blob.toString('base64')}`,
  };
}

async function readKeyFile(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw startFailure(`the host key ${file} cannot be read`, error);
  }
}

/** Says whether it is ours, and not that of a runner that was faster. */
async function createKeyFile(file: string): Promise<boolean> {
  const temporary = `${file}.${randomBytes(8).toString('hex')}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writePrivateFile(temporary, generateOpenSshKey());
    // Unlike a rename, a link never replaces the key of a runner that was faster, and nobody sees half a file.
    return await link(temporary, file).then(
      () => true,
      (error: unknown) => {
        if (codeOf(error) === 'EEXIST') return false;
        throw error;
      },
    );
  } catch (error) {
    throw startFailure(`the host key ${file} cannot be made`, error);
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

async function writePrivateFile(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * An unencrypted ed25519 key as OpenSSH's PROTOCOL.key has it. ssh2's own generator is not used: of 1500 keys that 1.17.0
 * wrote, ssh-keygen refused 7.
 */
export function generateOpenSshKey(): string {
  const { x = '', d = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const point = Buffer.from(x, 'base64url');
  const blob = Buffer.concat([wireString(type), wireString(point)]);
  const check = randomBytes(4);
  const secret = wireString(Buffer.concat([Buffer.from(d, 'base64url'), point]));
  const inner = Buffer.concat([check, check, blob, secret, wireString('buildbot')]);
  const padding = Buffer.from(Array.from({ length: (8 - (inner.length % 8)) % 8 }, (_, index) => index + 1));
  const parts = [wireString('none'), wireString('none'), wireString(''), uint32(1), wireString(blob)];
  const key = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...parts,
    wireString(Buffer.concat([inner, padding])),
  ]);
  const lines = key.toString('base64').replace(/.{70}(?=.)/g, '$&\n');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
