import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dropKeyRing, makeKeyRing, run, startLab } from './lab.js';
import { startSshd, type Sshd } from './sshd.js';

const ring = makeKeyRing();
let sshd: Sshd;
let line = '';

beforeAll(async () => {
  line = ring.add('ed25519', '-t', 'ed25519');
  ring.add('ca', '-t', 'ed25519');
  sshd = await startSshd(ring);
});
afterAll(async () => {
  await sshd[Symbol.asyncDispose]();
  dropKeyRing(ring);
});

/** Who is let in: by us, and by sshd. */
async function compare(authorized: string, args: string[]): Promise<{ ours: boolean; theirs: boolean }> {
  const lab = await startLab(ring, { handle: async () => 0, authorized });
  const ours = (await run('ssh', [...lab.ssh(), '-l', sshd.user, ...args, 'h', 'true'])).code === 0;
  const theirs = await sshd.admits(authorized, [...args, ...lab.ssh()]);
  await lab.server.end();
  return { ours, theirs };
}

describe('options of a key let in whom sshd lets in', () => {
  it.each([
    ['from="127.0.0.1"', '127.0.0.1', true],
    ['from="127.0.0.1"', '127.0.0.2', false],
    ['from="127.0.0.0/31"', '127.0.0.1', true],
    ['from="127.0.0.0/31"', '127.0.0.2', false],
    ['from="127.0.0.0/8,!127.0.0.2"', '127.0.0.2', false],
    ['from="!127.0.0.2,127.0.0.0/8"', '127.0.0.3', true],
    ['from="!127.0.0.2"', '127.0.0.3', false],
    ['from="127.0.0.?"', '127.0.0.3', true],
    ['from="127.*.3"', '127.0.0.3', true],
    ['from="::1,10.0.0.0/8"', '127.0.0.1', false],
    ['from="127.0.0.1/8"', '127.0.0.1', false],
    ['from="127.0.0.1/33"', '127.0.0.1', false],
    ['from="127.0.0.1,"', '127.0.0.1', false],
    ['from="127.0.0.1",from="127.0.0.1"', '127.0.0.1', false],
    ['from=127.0.0.1', '127.0.0.1', false],
    ['FROM="127.0.0.1",No-Pty', '127.0.0.1', true],
    ['expiry-time="20991231"', '127.0.0.1', true],
    ['expiry-time="209912312359Z"', '127.0.0.1', true],
    ['expiry-time="20200101"', '127.0.0.1', false],
    ['expiry-time="20991231",expiry-time="20200101"', '127.0.0.1', false],
    ['expiry-time="2099"', '127.0.0.1', false],
    ['restrict,pty,agent-forwarding,no-X11-forwarding,no-user-rc', '127.0.0.1', true],
    ['restrict,,pty,', '127.0.0.1', true],
    ['restrictive', '127.0.0.1', false],
    ['pty="yes"', '127.0.0.1', false],
    ['cert-authority', '127.0.0.1', false],
    ['principals="root"', '127.0.0.1', false],
    ['no-touch-required', '127.0.0.1', true],
    [String.raw`command="help \"from=127.0.0.2, \""`, '127.0.0.1', true],
    [String.raw`command="help \"`, '127.0.0.1', false],
  ])('%s from %s: %s', async (options, address, expected) => {
    // sshd would run the command: what counts is who is let in.
    const harmless = options.replace('help', 'true');
    const { ours, theirs } = await compare(`${harmless} ${line}`, ['-b', address]);
    expect({ ours, theirs }).toEqual({ ours: expected, theirs: expected });
  });

  it('asks the next line of the same key', async () => {
    const lines = `from="127.0.0.2" ${line}from="127.0.0.1",expiry-time="20200101" ${line}`;
    expect(await compare(lines, [])).toEqual({ ours: false, theirs: false });
    expect(await compare(lines + line, [])).toEqual({ ours: true, theirs: true });
  });
});

describe('certificates let in whom sshd lets in', () => {
  const here = () => sshd.user;
  let made = 0;

  it.each<[string, () => string[], string, boolean]>([
    ['for the user', () => ['-n', here()], '', true],
    ['for another', () => ['-n', `x${here()}`], '', false],
    ['for one of several', () => ['-n', `x,${here()}`], '', true],
    ['for a principal of the line', () => ['-n', 'deploy'], ',principals="build,deploy"', true],
    ['for no principal of the line', () => ['-n', here()], ',principals="build,deploy"', false],
    ['for nobody', () => [], ',principals="build"', false],
    ['expired', () => ['-n', here(), '-V', '-2d:-1m'], '', false],
    ['early', () => ['-n', here(), '-V', '+1h:+2h'], '', false],
    ['in time', () => ['-n', here(), '-V', '-1h:+2h'], '', true],
    ['from here', () => ['-n', here(), '-O', 'source-address=127.0.0.1/32'], '', true],
    ['from elsewhere', () => ['-n', here(), '-O', 'source-address=127.0.0.2/32'], '', false],
    ['from here, by a line from elsewhere', () => ['-n', here()], ',from="127.0.0.2"', false],
    ['critical', () => ['-n', here(), '-O', 'critical:x@example.org=1'], '', false],
    ['extended', () => ['-n', here(), '-O', 'extension:x@example.org=1'], '', true],
    ['forced', () => ['-n', here(), '-O', 'force-command=true'], '', true],
    ['forced as the line', () => ['-n', here(), '-O', 'force-command=true'], ',command="true"', true],
    ['forced otherwise', () => ['-n', here(), '-O', 'force-command=true'], ',command="false"', false],
    ['of a host', () => ['-h', '-n', here()], '', false],
  ])('%s', async (_, options, lineOptions, expected) => {
    const name = `signed${made++}`;
    copyFileSync(ring.file('ed25519.pub'), ring.file(`${name}.pub`));
    const sign = ['-q', '-s', ring.file('ca'), '-I', name, ...options(), ring.file(`${name}.pub`)];
    execFileSync('ssh-keygen', sign);
    const authorized = `cert-authority${lineOptions} ${readFileSync(ring.file('ca.pub'), 'utf8')}`;
    const found = await compare(authorized, ['-o', `CertificateFile=${ring.file(`${name}-cert.pub`)}`]);
    expect(found).toEqual({ ours: expected, theirs: expected });
  });
});

it('no-pty refuses the terminal, and runs the command of who does not insist on one', async () => {
  const lab = await startLab(ring, {
    handle: async ({ terminal, stdout }) => (stdout.write(String(terminal?.term)), 0),
    authorized: `no-pty ${line}`,
  });
  const insists = await run('ssh', [...lab.ssh(), '-tt', 'h', 'x']);
  expect(insists.stderr).toContain('PTY allocation request failed');
  expect((await run('ssh', [...lab.ssh(), 'h', 'x'])).stdout.toString()).toBe('undefined');
  await lab.server.end();
});
