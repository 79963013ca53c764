import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert as assertProperty, property, string } from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { checkRights } from '../../../src/request/rights.js';
import { parseAuthorizedKeys } from '../../../src/ssh/keys.js';

const directory = mkdtempSync(join(tmpdir(), 'keys-'));
afterAll(() => rmSync(directory, { recursive: true }));

let generated = 0;
function generate(...options: string[]): { line: string; fingerprint: string } {
  const file = join(directory, `key${generated++}`);
  execFileSync('ssh-keygen', ['-q', '-N', '', '-C', 'deploy@ci of team a', '-f', file, ...options]);
  const [, fingerprint = ''] = execFileSync('ssh-keygen', ['-lf', `${file}.pub`], { encoding: 'utf8' }).split(
    ' ',
  );
  return { line: readFileSync(`${file}.pub`, 'utf8').trim(), fingerprint };
}

const ed25519 = generate('-t', 'ed25519');
const [, base64 = ''] = ed25519.line.split(' ');

describe('parseAuthorizedKeys', () => {
  it.each([
    ['ssh-ed25519', ['-t', 'ed25519']],
    ['ecdsa-sha2-nistp256', ['-t', 'ecdsa', '-b', '256']],
    ['ecdsa-sha2-nistp384', ['-t', 'ecdsa', '-b', '384']],
    ['ecdsa-sha2-nistp521', ['-t', 'ecdsa', '-b', '521']],
    ['ssh-rsa', ['-t', 'rsa', '-b', '2048']],
  ])('reads a %s key with the fingerprint that ssh-keygen prints', (type, options) => {
    const { line, fingerprint } = type === 'ssh-ed25519' ? ed25519 : generate(...options);
    const { keys, rejected } = parseAuthorizedKeys(line);
    expect(rejected).toEqual([]);
    expect(keys).toMatchObject([{ type, fingerprint, comment: 'deploy@ci of team a' }]);
    expect(keys[0]!.blob.toString('base64')).toBe(line.split(' ')[1]);
  });

  it('reads Windows line ends, blank lines, comments, indents, tabs and lines without a comment', () => {
    const text = `\uFEFF# ours\r\n\r\n  ssh-ed25519\t${base64}\r\n\t# no key\r\nssh-ed25519 ${base64}  two  words \r\n`;
    const { keys, rejected } = parseAuthorizedKeys(text);
    expect(rejected).toEqual([]);
    expect(keys.map(({ comment }) => comment)).toEqual(['', 'two  words']);
  });

  it('takes from a comment what a terminal would obey', () => {
    const { keys } = parseAuthorizedKeys(`${ed25519.line}\u009b2J\u202e\u0007 eve\u2028é\u001b[0m`);
    expect(keys.map(({ comment }) => comment)).toEqual(['deploy@ci of team a 2J  eve é [0m']);
  });

  it('grants nothing by a line whose rights are refused, and says why', () => {
    const text = `permit-commands="status,staus" ${ed25519.line}\ncommand="uptime" ${ed25519.line}\n${ed25519.line}`;
    expect(parseAuthorizedKeys(text, checkRights)).toMatchObject({
      keys: [{}],
      rejected: [
        { line: 1, reason: "option permit-commands=: 'staus' is no command, did you mean 'status'?" },
        { line: 2, reason: "unknown command 'uptime'" },
      ],
    });
  });

  it.each(['serve', 'Status', 'constructor', 'rm -rf', '!build'])('permits no command %j', (name) => {
    expect(parseAuthorizedKeys(`permit-commands="build,${name}" ${ed25519.line}`, checkRights).keys).toEqual(
      [],
    );
  });

  it('permits every command that there is over SSH, and all', () => {
    const line = `permit-commands="build,plan,status,attach,cancel,help,version,all" ${ed25519.line}`;
    expect(parseAuthorizedKeys(line, checkRights).rejected).toEqual([]);
  });

  it.each([
    ['an unknown option', `restricted ${ed25519.line}`, "unknown option 'restricted'"],
    [
      'a certificate authority that is told not to be one',
      `no-cert-authority ${ed25519.line}`,
      'unknown option',
    ],
    ['a whole key in quotes', `command="ssh-ed25519 ${base64}"`, 'this is not a line of authorized_keys'],
    ['open quotes', `command="x ${ed25519.line}`, 'the quotes of the options are not closed'],
    ['dss', `ssh-dss ${base64}`, 'ssh-dss keys are too weak'],
    ['a certificate', `ssh-ed25519-cert-v01@openssh.com ${base64}`, 'authorize the key that signed it'],
    [
      'another type that is a security key',
      `sk-ssh-ed25519@openssh.com ${base64}`,
      'the key is not of type sk-',
    ],
    ['verify-required for a plain key', `verify-required ${ed25519.line}`, 'with a security key alone'],
    ['an unknown type', `ssh-xmss@openssh.com ${base64}`, 'is not supported, use one of ssh-ed25519'],
    ['no base64', 'ssh-ed25519', 'not valid base64'],
    ['broken base64', `ssh-ed25519 ${base64.slice(0, 20)}!${base64.slice(21)}`, 'not valid base64'],
    ['cut base64', `ssh-ed25519 ${base64.slice(0, -4)}`, 'damaged|not of type'],
    ['another type inside', `ssh-rsa ${base64}`, 'the key is not of type ssh-rsa'],
    ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----', 'this is a key file in another format'],
    ['a bare word', 'hello', 'this is not a line of authorized_keys'],
  ])('refuses %s with a reason, and keeps the other lines', (_, line, reason) => {
    const { keys, rejected } = parseAuthorizedKeys(`# first\n${line}\n${ed25519.line}\n`);
    expect(keys).toHaveLength(1);
    expect(rejected).toEqual([{ line: 2, reason: expect.stringMatching(reason) as string }]);
  });

  it('refuses RSA below 2048 bits', () => {
    const { line } = generate('-t', 'rsa', '-b', '1024');
    expect(parseAuthorizedKeys(line)).toEqual({
      keys: [],
      rejected: [{ line: 1, reason: 'an RSA key needs at least 2048 bits, this one has 1024' }],
    });
  });

  it('refuses a point that is not on its curve', () => {
    const [type, encoded = ''] = generate('-t', 'ecdsa', '-b', '256').line.split(' ');
    const blob = Buffer.from(encoded, 'base64');
    blob[blob.length - 1]! ^= 1;
    const { keys, rejected } = parseAuthorizedKeys(`${type} ${blob.toString('base64')}`);
    expect({ keys, rejected }).toEqual({ keys: [], rejected: [{ line: 1, reason: 'the key is damaged' }] });
  });

  it('reads options before the key, blanks in their quotes included', () => {
    const line = `from="127.0.0.1",command="build --label \\"a b\\"",restrict ${ed25519.line}`;
    const { keys, rejected } = parseAuthorizedKeys(line);
    expect(rejected).toEqual([]);
    expect(keys).toMatchObject([
      {
        comment: 'deploy@ci of team a',
        options: { from: ['127.0.0.1'], rights: { forced: 'build --label "a b"', noTerminal: true } },
      },
    ]);
  });

  it('grants nothing for noise, and names the lines it does not understand', () => {
    assertProperty(
      property(string({ unit: 'binary' }), (noise) => {
        const { keys, rejected } = parseAuthorizedKeys(`${noise}\nssh-ed25519 ${base64}`);
        expect(keys.map(({ comment }) => comment)).toEqual(['']);
        for (const { line, reason } of rejected)
          expect({ line, reason }).toEqual({ line: expect.any(Number), reason: expect.stringMatching(/./) });
      }),
    );
  });
});
