import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionHandler } from '../../../src/ssh/session.js';
import { dropKeyRing, makeKeyRing, run, startLab, type Lab } from './lab.js';
import { createSecurityKey } from './security-key.js';

const ring = makeKeyRing();

/** Shows who logged in, and with which rights. */
const handle: SessionHandler = async ({ stdout, caller, terminal }) => {
  const { fingerprint, comment, rights } = caller;
  stdout.write(JSON.stringify({ fingerprint, comment, rights, terminal: terminal !== undefined }));
  return 0;
};

let made = 0;
/** A certificate for the user's key `key`, by ssh-keygen; the answer is its file. */
function certify(options: string[], { key = 'user', authority = 'ca' } = {}): string {
  const name = `certificate${made++}`;
  copyFileSync(ring.file(`${key}.pub`), ring.file(`${name}.pub`));
  const sign = ['-q', '-s', ring.file(authority), '-I', 'deploy of team a', '-z', '42', ...options];
  execFileSync('ssh-keygen', [...sign, ring.file(`${name}.pub`)]);
  return ring.file(`${name}-cert.pub`);
}

type Login = { line?: string; key?: string; options?: string[]; command?: string };

/** Logs in as `anybody` with the key and the certificate, to a server that has one line for the authority. */
async function login(certificate: string, { line, key = 'user', options = [] }: Login = {}) {
  const authorized = line ?? `cert-authority ${readFileSync(ring.file('ca.pub'), 'utf8')}`;
  const lab = await startLab(ring, { handle, authorized });
  const outcome = await run('ssh', [
    ...options,
    '-o',
    `CertificateFile=${certificate}`,
    ...lab.ssh(key),
    'h',
    'x',
  ]);
  const reason = outcome.code === 255 ? await refusalOf(lab) : undefined;
  await lab.server.end();
  const text = outcome.stdout.toString();
  return { code: outcome.code, reason, seen: text === '' ? undefined : (JSON.parse(text) as object) };
}

async function refusalOf({ logged }: Lab): Promise<unknown> {
  const line = await logged(({ message }) => message === 'login refused' || message === 'login');
  return line.message === 'login' ? 'it was let in' : line.fields['reason'];
}

const authorityLine = (options: string, authority = 'ca') =>
  `cert-authority${options} ${readFileSync(ring.file(`${authority}.pub`), 'utf8')}`;

beforeAll(() => {
  ring.add('user', '-t', 'ed25519');
  for (const bits of ['256', '384', '521']) ring.add(`ecdsa${bits}`, '-t', 'ecdsa', '-b', bits);
  ring.add('rsa', '-t', 'rsa', '-b', '2048');
  ring.add('ca', '-t', 'ed25519');
  ring.add('other', '-t', 'ed25519');
});
afterAll(() => dropKeyRing(ring));

describe('a certificate', () => {
  it.each(['user', 'ecdsa256', 'ecdsa384', 'ecdsa521', 'rsa'])('of a key (%s) logs in', async (key) => {
    const fingerprint = execFileSync('ssh-keygen', ['-lf', ring.file(`${key}.pub`)], { encoding: 'utf8' });
    const { code, seen } = await login(certify(['-n', 'anybody'], { key }), { key });
    expect({ code, seen }).toEqual({
      code: 0,
      seen: {
        fingerprint: fingerprint.split(' ')[1],
        comment: 'deploy of team a',
        rights: {},
        terminal: false,
      },
    });
  });

  it.each(['rsa-sha2-256', 'rsa-sha2-512'])('of an RSA key logs in with %s', async (algorithm) => {
    const options = ['-o', `PubkeyAcceptedAlgorithms=${algorithm}-cert-v01@openssh.com,${algorithm}`];
    expect((await login(certify(['-n', 'anybody'], { key: 'rsa' }), { key: 'rsa', options })).code).toBe(0);
  });

  it.each(['ecdsa256', 'ecdsa384', 'ecdsa521', 'rsa'])(
    'of an authority with another key (%s) logs in',
    async (authority) => {
      const certificate = certify(['-n', 'anybody'], { authority });
      expect((await login(certificate, { line: authorityLine('', authority) })).code).toBe(0);
    },
  );

  it.each([
    ['rsa-sha2-256', 0],
    ['rsa-sha2-512', 0],
    ['ssh-rsa', 255],
  ])('signed with %s', async (algorithm, code) => {
    const certificate = certify(['-n', 'anybody', '-t', algorithm], { authority: 'rsa' });
    expect((await login(certificate, { line: authorityLine('', 'rsa') })).code).toBe(code);
  });

  it.each<[string, string[], RegExp]>([
    ['expired', ['-n', 'anybody', '-V', '-2d:-1m'], /it has expired/],
    ['not valid yet', ['-n', 'anybody', '-V', '+1h:+2h'], /it is not valid yet/],
    ['of somebody else', ['-n', 'nobody,root'], /none of its principals \(nobody, root\) is one of anybody/],
    ['of nobody', [], /none of its principals/],
    [
      'with an unknown critical option',
      ['-n', 'anybody', '-O', 'critical:colour@example.org=red'],
      /critical option 'colour@example.org'/,
    ],
    [
      'for elsewhere',
      ['-n', 'anybody', '-O', 'source-address=192.0.2.0/24,2001:db8::/32'],
      /source-address does not let it in from 127.0.0.1/,
    ],
    [
      'that has its user verified, of a plain key',
      ['-n', 'anybody', '-O', 'verify-required'],
      /no security key/,
    ],
  ])('%s is refused', async (_, options, reason) => {
    const outcome = await login(certify(options));
    expect(outcome).toMatchObject({ code: 255, reason: expect.stringMatching(reason) as string });
    expect(outcome.reason).toContain('certificate "deploy of team a" (serial 42)');
  });

  it('of an unknown authority is refused', async () => {
    const { code, reason } = await login(certify(['-n', 'anybody'], { authority: 'other' }));
    expect({ code, reason }).toEqual({
      code: 255,
      reason: expect.stringContaining('unknown authority SHA256:') as string,
    });
  });

  it('that was changed is refused', async () => {
    const file = certify(['-n', 'anybody', '-V', '-2d:-1d']);
    const [type, base64 = ''] = readFileSync(file, 'utf8').split(' ');
    const blob = Buffer.from(base64, 'base64');
    // Valid for ever: 16 bytes in front of the empty critical options.
    const end = blob.indexOf('anybody') + 'anybody'.length + 8;
    blob.fill(0xff, end, end + 8);
    writeFileSync(file, `${type} ${blob.toString('base64')} x\n`);
    const { code } = await login(file);
    expect(code).toBe(255);
  });

  it('logs in until it expires, from where it may, with an unknown extension', async () => {
    const options = ['-n', 'nobody,anybody', '-V', '-1m:+1h', '-O', 'extension:colour@example.org=red'];
    expect((await login(certify([...options, '-O', 'source-address=127.0.0.0/8']))).code).toBe(0);
  });

  it('forces its command, and what it does not permit is not there', async () => {
    const options = ['-n', 'anybody', '-O', 'force-command=build --image app'];
    const forced = await login(certify([...options, '-O', 'no-agent-forwarding']));
    expect(forced.seen).toMatchObject({ rights: { forced: 'build --image app', noAgent: true } });
    const bare = await login(certify(['-n', 'anybody', '-O', 'clear']));
    expect(bare.seen).toMatchObject({ rights: { noTerminal: true, noAgent: true, noForwarding: true } });
  });

  it('has a terminal where it permits one', async () => {
    const terminal = { options: ['-tt'] };
    const { code, seen } = await login(certify(['-n', 'anybody']), terminal);
    expect({ code, seen }).toMatchObject({ code: 0, seen: { terminal: true } });
    // As with sshd: who insists on a terminal and gets none goes.
    const refused = await login(certify(['-n', 'anybody', '-O', 'no-pty']), terminal);
    expect(refused).toMatchObject({ code: 255, reason: 'it was let in' });
  });
});

describe('the line of an authority', () => {
  it.each([
    ['one of its principals', ',principals="deployers,root"', ['-n', 'dev,deployers'], 0],
    ['none of its principals', ',principals="deployers"', ['-n', 'anybody'], 255],
    ['a certificate without any', ',principals="deployers"', [], 255],
    [
      'the same command as the certificate',
      ',command="build"',
      ['-n', 'anybody', '-O', 'force-command=build'],
      0,
    ],
    [
      'another command than the certificate',
      ',command="build"',
      ['-n', 'anybody', '-O', 'force-command=plan'],
      255,
    ],
    ['the right address', ',from="127.0.0.1"', ['-n', 'anybody'], 0],
    ['another address', ',from="127.0.0.2"', ['-n', 'anybody'], 255],
    ['an expired line', ',expiry-time="20200101Z"', ['-n', 'anybody'], 255],
  ])('with %s', async (_, options, certificate, code) => {
    expect((await login(certify(certificate), { line: authorityLine(options) })).code).toBe(code);
  });

  it('gives its own rights to those whom it lets in', async () => {
    const line = authorityLine(',restrict,agent-forwarding,max-builds="2"');
    const { seen } = await login(certify(['-n', 'anybody']), { line });
    expect(seen).toMatchObject({ rights: { maxBuilds: 2, noTerminal: true, noForwarding: true } });
  });

  it('lets its own key in no more, and a line without cert-authority no certificate', async () => {
    const plain = certify(['-n', 'anybody'], { key: 'other', authority: 'ca' });
    const ca = readFileSync(ring.file('ca.pub'), 'utf8');
    expect((await login(plain, { key: 'ca', line: `cert-authority ${ca}` })).code).toBe(255);
    expect((await login(certify(['-n', 'anybody']), { line: ca })).code).toBe(255);
  });
});

describe('a certificate of a security key', () => {
  const TOUCHED = 1;
  const VERIFIED = 5;

  it.each([
    ['touched', '', [], TOUCHED, 0],
    ['not touched', '', [], 0, 255],
    ['not touched, the line alone allows it', ',no-touch-required', [], 0, 255],
    ['not touched, the certificate alone allows it', '', ['-O', 'no-touch-required'], 0, 255],
    ['not touched, both allow it', ',no-touch-required', ['-O', 'no-touch-required'], 0, 0],
    ['not verified, though the certificate wants it', '', ['-O', 'verify-required'], TOUCHED, 255],
    ['not verified, though the line wants it', ',verify-required', [], TOUCHED, 255],
    ['verified', '', ['-O', 'verify-required'], VERIFIED, 0],
  ])('%s', async (_, options, certificate, flags, code) => {
    const socket = ring.file(`agent${made++}`);
    await using fido = await createSecurityKey(made % 2 === 0 ? 'ecdsa' : 'ed25519', socket);
    fido.gesture = { flags };
    writeFileSync(ring.file('fido.pub'), `${fido.line}\n`);
    const agent = ['-o', `IdentityAgent=${socket}`];
    const file = certify(['-n', 'anybody', ...certificate], { key: 'fido' });
    const outcome = await login(file, { key: 'fido.pub', line: authorityLine(options), options: agent });
    expect(outcome.code).toBe(code);
    expect(fido.signatures).toBe(1);
  });
});
