import { describe, expect, it } from 'vitest';
import { secretsOf } from '../../../src/model/credentials.js';
import { Failure } from '../../../src/model/errors.js';
import { parseCredentials } from '../../../src/request/credentials.js';
import { parseDockerLogin } from '../../../src/request/docker-login.js';

function refusal(text: string): string {
  try {
    parseCredentials(text);
  } catch (error) {
    if (error instanceof Failure && error.code === 'CREDENTIALS_INVALID') return error.line;
    throw error;
  }
  throw new Error('accepted');
}

describe('parseCredentials', () => {
  it('reads YAML and JSON, and finds every secret', () => {
    const auth = Buffer.from('bob:pa:ss').toString('base64');
    const text = `
git: { username: me, token: tok-1 }
registries: { https://Registry.example/v2/: { username: u, password: pw-2 }, r2.example: { identityToken: id-3 } }
dockerConfig: { auths: { "https://index.docker.io/v1/": { auth: ${auth} } }, credsStore: desktop }
secrets: { NPM_TOKEN: npm-4 }
`;
    const credentials = parseCredentials(text);
    expect([...credentials.registries.keys()].toSorted()).toEqual([
      'docker.io',
      'r2.example',
      'registry.example',
    ]);
    const login = credentials.registries.get('docker.io');
    expect(login?.kind === 'password' && [login.username, login.password.reveal()]).toEqual(['bob', 'pa:ss']);
    expect(secretsOf(credentials)).toEqual(
      expect.arrayContaining(['tok-1', 'pw-2', 'id-3', 'npm-4', 'pa:ss', 'bob:pa:ss', 'me:tok-1']),
    );
    const mail = parseCredentials('notify: { email: { from: a@b.c, smtp: "smtp://u:100%@mail.example" } }');
    expect(secretsOf(mail)).toContain('100%');
    expect(parseCredentials('{"git": {"token": "x"}}').git.token?.reveal()).toBe('x');
    expect(parseCredentials('').registries.size).toBe(0);
  });

  it.each([
    ['git:\n  sshkey: TOPSECRET', "line 2, column 3: unknown key 'git.sshkey'"],
    ['registries:\n  r: { username: u, passwort: TOPSECRET }', 'line 2'],
    ['secrets: { A: 5 }', 'line 1, column 15: secrets.A: expected string'],
    ['git: [TOPSECRET', 'it is not YAML'],
    ['TOPSECRET', 'the document'],
    [`a: &a [x]\nb: [${'*a,'.repeat(200)}]`, 'credentials document'],
    ['x'.repeat(2 ** 20 + 1), 'larger than 1 MiB'],
    ['{'.repeat(5000), 'nested too deeply'],
    ['a: 1\na: 2', 'line 2, column 1: the same key stands above already'],
    ['secrets: { A: TOPSECRET, A: x }', 'line 1, column 26: the same key stands above already'],
    ['{"git": {}, "git": {"token": "TOPSECRET"}}', 'the same key stands above already'],
    ['s3: { accessKeyId: TOPSECRET }', 's3.secretAccessKey: expected string'],
    ['registries: { "localhost:5000": { username: TOPSECRET } }', 'registries.localhost:5000'],
  ])('refuses %.40j', (text, message) => {
    const line = refusal(text);
    expect(line).toContain(message);
    expect(line).not.toContain('TOPSECRET');
  });

  it('prints nothing of a secret by accident', () => {
    const { git } = parseCredentials('git: { token: TOPSECRET }');
    expect(JSON.stringify(git) + String(git.token)).not.toContain('TOPSECRET');
  });
});

describe('parseDockerLogin', () => {
  it.each([
    ['docker login -u U -p P registry.example', 'registry.example', 'U', 'P'],
    ['docker login --username=U --password "P P" https://index.docker.io/v1/', 'docker.io', 'U', 'P P'],
    ['docker login -u AWS -p P -e none https://1.dkr.ecr.example', '1.dkr.ecr.example', 'AWS', 'P'],
    ['docker login -u U -p P', 'docker.io', 'U', 'P'],
    ['sudo docker login -u U -p P a.example', 'a.example', 'U', 'P'],
    ['echo P | docker login -u U --password-stdin a.example', 'a.example', 'U', 'P'],
    ['echo P | sudo docker login -u U --password-stdin a.example', 'a.example', 'U', 'P'],
  ])('%s', (command, host, username, password) => {
    const parsed = parseDockerLogin(command);
    expect(parsed.host).toBe(host);
    expect(
      parsed.credential.kind === 'password' && [
        parsed.credential.username,
        parsed.credential.password.reveal(),
      ],
    ).toEqual([username, password]);
  });

  it('says what to do where a password should come over stdin, and none does', () => {
    expect(() => parseDockerLogin('docker login -u U --password-stdin a.example')).toThrow(
      expect.objectContaining({
        message: '--docker-login-cmd cannot be used: nothing is piped into its --password-stdin',
        hint: expect.stringContaining('echo PASSWORD | docker login -u USER --password-stdin HOST') as string,
      }),
    );
  });

  it.each([
    'sudo rm -rf /',
    'docker login -u U registry.example',
    'rm -rf /',
    'docker login -u U -p TOPSECRET a b',
    'docker login --password-stdin -u U a',
    'docker login -u U -p TOPSECRET --unknown',
  ])('refuses %s', (command) => {
    expect(() => parseDockerLogin(command)).toThrow(/--docker-login-cmd/);
    expect(() => parseDockerLogin(command)).not.toThrow(/TOPSECRET/);
  });
});

describe('a blank that was forgotten', () => {
  it.each([
    ['secrets: {NPM_TOKEN:hunter2secret}', 'secrets.NPM_TOKEN…'],
    ['git: {token:ghp_hunter2secret}', "'git.token…'"],
    ['git: {ghp_hunter2secret: }', "'git.…'"],
    ['ghp_hunter2secret: 1', "'…'"],
  ])('does not show the secret: %s', (text, shown) => {
    const line = refusal(text);
    expect(line).not.toContain('hunter2');
    expect(line).toContain(shown);
  });
});
