import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateOpenSshKey, loadHostKey } from '../../../src/ssh/hostkey.js';

let directory = '';
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'hostkey-'))));
afterEach(() => rmSync(directory, { recursive: true }));

const keygen = (...args: string[]) => execFileSync('ssh-keygen', args, { encoding: 'utf8' });

describe('loadHostKey', () => {
  it('makes a key that OpenSSH accepts, private to its owner, and gives the same one next time', async () => {
    const file = join(directory, 'data', 'ssh_host_ed25519_key');
    const made = await loadHostKey(file);
    expect(made.isNew).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(keygen('-y', '-f', file).trim()).toBe(`${made.publicKey} buildbot`);
    expect(keygen('-lf', file)).toContain(`256 ${made.fingerprint} `);
    expect(await loadHostKey(file)).toEqual({ ...made, isNew: false });
    expect(readdirSync(join(directory, 'data'))).toEqual(['ssh_host_ed25519_key']);
  });

  it('gives all runners that start at once the key of the first', async () => {
    const file = join(directory, 'key');
    const keys = await Promise.all(Array.from({ length: 20 }, () => loadHostKey(file)));
    expect(new Set(keys.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(readdirSync(directory)).toEqual(['key']);
  });

  it('reads keys of ssh-keygen', async () => {
    const file = join(directory, 'key');
    keygen('-q', '-t', 'ed25519', '-N', '', '-f', file);
    expect(keygen('-lf', file)).toContain((await loadHostKey(file)).fingerprint);
  });

  it.each([
    ['RSA', ['-t', 'rsa', '-b', '2048', '-N', ''], 'is of type ssh-rsa, only ssh-ed25519 is supported'],
    ['an encrypted key', ['-t', 'ed25519', '-N', 'secret'], 'cannot be used'],
  ])('refuses %s', async (_, options, message) => {
    const file = join(directory, 'key');
    keygen('-q', '-f', file, ...options);
    await expect(loadHostKey(file)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(message) as string,
    });
  });

  it('refuses what is no key, a public key and a directory', async () => {
    const file = join(directory, 'key');
    writeFileSync(file, 'hello');
    await expect(loadHostKey(file)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    keygen('-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'other'));
    await expect(loadHostKey(join(directory, 'other.pub'))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(loadHostKey(directory)).rejects.toMatchObject({
      message: expect.stringContaining('EISDIR') as string,
    });
  });

  it('says so when the directory cannot be written', async () => {
    mkdirSync(join(directory, 'file-in-the-way', '..'), { recursive: true });
    writeFileSync(join(directory, 'file-in-the-way'), '');
    chmodSync(directory, 0o700);
    await expect(loadHostKey(join(directory, 'file-in-the-way', 'key'))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
});

it('generates keys that ssh-keygen accepts, whatever their first bytes', () => {
  const file = join(tmpdir(), `generated-${process.pid}`);
  try {
    for (let count = 0; count < 100; count++) {
      writeFileSync(file, generateOpenSshKey(), { mode: 0o600 });
      expect(keygen('-y', '-f', file)).toMatch(/^ssh-ed25519 /);
    }
  } finally {
    rmSync(file);
  }
});
