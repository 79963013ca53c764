import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { credentialFor } from '../../../../src/adapters/vcs/credential.js';
import { createProofs, proofOf } from '../../../../src/adapters/vcs/proofs.js';
import { sshCommand } from '../../../../src/adapters/vcs/ssh.js';
import { parseRepositoryUrl } from '../../../../src/model/repository.js';
import { Secret } from '../../../../src/model/secret.js';

const ssh = parseRepositoryUrl('ssh://git@forge.example/a.git');
const web = parseRepositoryUrl('https://forge.example/a.git');
const agent = { socket: '/run/agent.sock' };
const proofs = () => createProofs({ ttlMs: 60_000, clock: { elapsed: () => performance.now() } });

test('an agent is for ssh alone, and a key goes before it', () => {
  expect(credentialFor(ssh, { git: {}, agent })).toEqual({ kind: 'agent', socket: '/run/agent.sock' });
  expect(credentialFor(web, { git: {}, agent })).toEqual({ kind: 'anonymous' });
  const key = new Secret('-----BEGIN RSA PRIVATE KEY-----');
  expect(credentialFor(ssh, { git: { sshKey: key }, agent })).toEqual({ kind: 'key', key });
});

test('a proof is as old as it is, and gone when the forge takes it back', () => {
  let elapsed = 0;
  const known = createProofs({ ttlMs: 60_000, clock: { elapsed: () => elapsed } });
  const proof = proofOf(web, credentialFor(web, { git: { token: new Secret('t') } }), known);
  proof.remember();
  elapsed = 59_999;
  expect(proof.isFresh()).toBe(true);
  elapsed = 60_000;
  expect(proof.isFresh()).toBe(false);
  proof.remember();
  proof.forget();
  expect(proof.isFresh()).toBe(false);
});

test('an agent is never proven, whatever it has opened, and proves nothing for others', () => {
  const known = proofs();
  const ours = proofOf(ssh, credentialFor(ssh, { git: {}, agent }), known);
  ours.remember();
  expect(ours.isFresh()).toBe(false);
  const nobody = proofOf(ssh, credentialFor(ssh, { git: {} }), known);
  expect(nobody.isFresh()).toBe(false);
  nobody.remember();
  expect([nobody.isFresh(), ours.isFresh()]).toEqual([true, false]);
});

test.each(['/tmp/plain/agent.sock', `/tmp/it's "odd" %d \\ $x/agent.sock`])(
  'ssh itself reads the path %s as it is, and no key besides',
  async (socket) => {
    const directory = mkdtempSync(join(tmpdir(), 'vcs-test-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const command = await sshCommand(
      directory,
      { kind: 'agent', socket },
      { knownHosts: '', acceptNew: false },
    );
    const settings = execFileSync('sh', ['-c', `${command} -G forge.example`]).toString();
    expect(settings).toContain(`\nidentityagent ${socket}\n`);
    expect(settings).toMatch(/^identityfile none$/m);
    expect(settings).toMatch(/^identitiesonly no$/m);
    expect(settings).toMatch(/^forwardagent no$/m);
    expect(readFileSync(join(directory, 'known_hosts'), 'utf8')).toBe('');
  },
);
