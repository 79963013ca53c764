import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateOpenSshKey, parseHostKey } from '../../../src/ssh/hostkey.js';
import { sshSignature } from '../../../src/ssh/sshsig.js';

let directory = '';
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'sshsig-'))));
afterEach(() => rmSync(directory, { recursive: true }));

const namespace = 'buildbot-receipt';
const identity = parseHostKey(generateOpenSshKey(), 'here');
const file = (name: string, text: string) => (
  writeFileSync(join(directory, name), text, { mode: 0o600 }),
  name
);
const keygen = (args: string[], input: string) => {
  const { status, stdout } = spawnSync('ssh-keygen', args, { cwd: directory, input, encoding: 'utf8' });
  return { status, stdout };
};

function verify(text: string, signature: string, { key = identity.publicKey, scope = namespace } = {}) {
  const signers = file('signers', `[build.example]:2222 ${key}\n`);
  const signed = file('text.sig', signature);
  return keygen(
    ['-Y', 'verify', '-n', scope, '-I', '[build.example]:2222', '-f', signers, '-s', signed],
    text,
  );
}

describe('sshSignature', () => {
  const sign = (text: string) => sshSignature(identity.signingKey, { namespace, text });

  it.each([
    ['a line', '{"a":1}\n'],
    ['nothing', ''],
    ['unicode', 'ünïcødé 日本語\n'],
    ['a megabyte', 'x'.repeat(2 ** 20)],
  ])('signs %s so that ssh-keygen verifies it', (_, text) => {
    const { status, stdout } = verify(text, sign(text));
    expect(stdout).toContain(`Good "${namespace}" signature for [build.example]:2222 with ED25519 key`);
    expect(stdout).toContain(identity.fingerprint);
    expect(status).toBe(0);
  });

  it('gives what ssh-keygen itself gives, since ed25519 is deterministic', () => {
    file('key', identity.privateKey);
    const theirs = keygen(['-Y', 'sign', '-n', namespace, '-f', 'key'], 'hello\n').stdout;
    expect(`${sign('hello\n')}\n`).toBe(theirs);
  });

  it('has a structure that check-novalidate accepts, with and without a line end', () => {
    const args = ['-Y', 'check-novalidate', '-n', namespace, '-s'];
    expect(keygen([...args, file('bare', sign('hello\n'))], 'hello\n').status).toBe(0);
    expect(keygen([...args, file('ended', `${sign('hello\n')}\n`)], 'hello\n').status).toBe(0);
  });

  it('is refused for another text, another namespace and another key', () => {
    const other = parseHostKey(generateOpenSshKey(), 'there').publicKey;
    expect(verify('hallo\n', sign('hello\n')).status).not.toBe(0);
    expect(verify('hello\n', sign('hello\n'), { scope: 'file' }).status).not.toBe(0);
    expect(verify('hello\n', sign('hello\n'), { key: other }).status).not.toBe(0);
    expect(verify('hello\n', sign('hello\n')).status).toBe(0);
  });

  it('signs with a key of ssh-keygen', () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'made')]);
    const text = readFileSync(join(directory, 'made'), 'utf8');
    const { signingKey, publicKey: key } = parseHostKey(text, 'made');
    const signature = sshSignature(signingKey, { namespace, text: 'hello\n' });
    expect(verify('hello\n', signature, { key }).status).toBe(0);
  });
});
