import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Failure, type FailureCode } from '../../../src/model/errors.js';
import { Secret } from '../../../src/model/secret.js';
import {
  createRepository,
  createSource,
  fetchFrom,
  fileUrl,
  httpUrl,
  lab,
  sshUrl,
  temporaryDirectory,
  type FetchOptions,
} from './lab.js';
import { freePort, httpBackend, httpServer, tcpServer } from './servers.js';

async function failureOf(
  url: string,
  options: FetchOptions & { source?: ReturnType<typeof createSource> } = {},
): Promise<Failure> {
  const error = await fetchFrom(options.source ?? createSource(), url, options).then(
    () => new Error('it was fetched'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Failure)) throw error;
  for (const secret of [lab.key, lab.otherKey, lab.token])
    expect(error.line).not.toContain(secret.reveal().slice(0, 30));
  return error;
}

async function expectFailure(
  url: string,
  code: FailureCode,
  what: string,
  options: FetchOptions = {},
): Promise<void> {
  const failure = await failureOf(url, options);
  expect({ code: failure.code, message: failure.message }).toEqual({
    code,
    message: expect.stringContaining(what),
  });
  expect(failure.message).toContain(url.replace(/^(ssh:\/\/)\w+@/, '$1'));
}

describe('ssh', () => {
  test('a key that is not accepted, and none', async () => {
    const url = sshUrl(createRepository());
    await expectFailure(url, 'SOURCE_DENIED', 'does not accept the SSH key', {
      git: { sshKey: lab.otherKey },
    });
    await expectFailure(url, 'SOURCE_DENIED', 'does not accept the SSH key', { git: {} });
  });

  test('a key that cannot be read', async () => {
    const sshKey = new Secret('not a key');
    await expectFailure(sshUrl(createRepository()), 'SOURCE_DENIED', 'cannot be read', { git: { sshKey } });
  });

  test.each([
    ['-t', 'ed25519'],
    ['-t', 'rsa', '-m', 'PEM'],
    ['-t', 'rsa', '-m', 'PKCS8'],
  ])('a key with a passphrase: ssh-keygen %s %s %s %s', async (...type) => {
    const file = join(temporaryDirectory(), 'key');
    execFileSync('ssh-keygen', ['-q', ...type, '-N', 'a passphrase', '-f', file]);
    const sshKey = new Secret(readFileSync(file, 'utf8'));
    expect(await failureOf(sshUrl(createRepository()), { git: { sshKey } })).toMatchObject({
      code: 'CREDENTIALS_INVALID',
      message: 'git.sshKey of the credentials document has a passphrase',
    });
  });

  test('a key as people paste it is read', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    for (const text of [lab.key.reveal().trimEnd(), lab.key.reveal().replaceAll('\n', '\r\n')]) {
      await fetchFrom(createSource(), sshUrl(repository), { git: { sshKey: new Secret(text) } });
    }
  });

  test('a host key that is unknown, trusted on first use, or changed', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    const url = sshUrl(repository);
    const { host } = new URL(url);
    const [name, port] = host.split(':');
    const other = `[${name}]:${port} ${hostKey()}\n`;
    const stranger = createSource({ knownHosts: '' });
    expect(await failureOf(url, { source: stranger })).toMatchObject({
      code: 'HOST_KEY_UNKNOWN',
      message: expect.stringContaining('the host key is not known'),
    });
    await fetchFrom(stranger, url, { acceptNewHostKey: true });
    await fetchFrom(createSource({ knownHosts: '' }), url, { knownHosts: lab.knownHosts.trimEnd() });
    for (const acceptNewHostKey of [false, true]) {
      const source = createSource({ knownHosts: other });
      expect(await failureOf(url, { source, acceptNewHostKey })).toMatchObject({
        code: 'HOST_KEY_UNKNOWN',
        message: expect.stringContaining('another host key than the known one'),
      });
    }
  });

  test('a repository that is not there', async () => {
    await expectFailure(`${lab.ssh}/absent.git`, 'REPOSITORY_NOT_FOUND', 'there is no such repository');
  });

  test('nobody listens, no such host, a connection that is cut', async () => {
    await expectFailure(
      `ssh://git@127.0.0.1:${await freePort()}/a`,
      'SOURCE_UNREACHABLE',
      'refuses the connection',
    );
    await expectFailure('ssh://git@host.invalid/a', 'SOURCE_UNREACHABLE', 'cannot be resolved');
    const port = await tcpServer((socket) => socket.end());
    await expectFailure(`ssh://git@127.0.0.1:${port}/a`, 'SOURCE_UNREACHABLE', 'was cut');
  });
});

describe('http', () => {
  const git = { username: lab.username, token: lab.token };

  test('a token that is accepted, one that is not, and none', async () => {
    const repository = createRepository();
    const id = repository.commit({ a: 'a' });
    const url = httpUrl('private', repository);
    const { revision } = await fetchFrom(createSource(), url, { git });
    expect(revision.id).toBe(id);
    await expectFailure(url, 'SOURCE_DENIED', 'does not accept the token', {
      git: { ...git, token: new Secret('wrong') },
    });
    await expectFailure(url, 'SOURCE_DENIED', 'wants a login', { git: {} });
    await fetchFrom(createSource(), httpUrl('public', repository), { git: {} });
  });

  test('a token with a line end of its file', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    await fetchFrom(createSource(), httpUrl('private', repository), {
      git: { ...git, token: new Secret(`${lab.token.reveal()}\n`) },
    });
    const url = httpUrl('private', repository);
    expect(await failureOf(url, { git: { token: new Secret('a\nhost=evil.example') } })).toMatchObject({
      code: 'CREDENTIALS_INVALID',
    });
  });

  test.each<[number, FailureCode, boolean]>([
    [403, 'SOURCE_DENIED', false],
    [404, 'REPOSITORY_NOT_FOUND', false],
    [410, 'REPOSITORY_NOT_FOUND', false],
    [429, 'SOURCE_UNREACHABLE', true],
    [500, 'SOURCE_UNREACHABLE', true],
    [503, 'SOURCE_UNREACHABLE', true],
  ])('an answer with status %d', async (status, code, transient) => {
    const port = await httpServer((_, response) => response.writeHead(status).end('SSL certificate problem'));
    expect(await failureOf(`http://127.0.0.1:${port}/a.git`)).toMatchObject({ code, transient });
  });

  test('nobody listens, no such host, no TLS', async () => {
    await expectFailure(
      `http://127.0.0.1:${await freePort()}/a`,
      'SOURCE_UNREACHABLE',
      'refuses the connection',
    );
    await expectFailure('https://host.invalid/a', 'SOURCE_UNREACHABLE', 'cannot be resolved');
    const port = await httpServer((_, response) => response.end());
    await expectFailure(`https://127.0.0.1:${port}/a`, 'SOURCE_UNREACHABLE', 'TLS connection fails');
  });

  test('a repository that is not there', async () => {
    await expectFailure(
      `${lab.http}/public/absent.git`,
      'REPOSITORY_NOT_FOUND',
      'there is no such repository',
    );
  });

  test('what the remote prints is the log, in whole lines', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    const hook = join(temporaryDirectory(), 'hook');
    writeFileSync(hook, '#!/bin/sh\necho welcome to the forge >&2\nexec "$@"\n');
    chmodSync(hook, 0o755);
    const port = await httpServer(httpBackend({ 'uploadpack.packObjectsHook': hook }));
    const log: string[] = [];
    await fetchFrom(createSource(), `http://127.0.0.1:${port}/${repository.name}.git`, { log });
    expect(log).toEqual(['remote: welcome to the forge\n']);
  });
});

describe('file', () => {
  test('is refused where the server does not allow it', async () => {
    const source = createSource({ allowFileRepositories: false });
    expect(await failureOf(fileUrl(createRepository()), { source })).toMatchObject({ code: 'DENIED' });
  });

  test('a repository that is not there', async () => {
    await expectFailure('file:///nowhere/absent.git', 'REPOSITORY_NOT_FOUND', 'there is no such repository');
  });
});

test('a URL of another kind never reaches git', async () => {
  expect(await failureOf('ext::sh -c "touch /tmp/never"')).toMatchObject({ code: 'USAGE' });
  expect(await failureOf('--upload-pack=touch')).toMatchObject({ code: 'USAGE' });
});

test('a runner without git says so', async () => {
  const source = createSource({ environment: { PATH: '/nowhere' } });
  expect(await failureOf('file:///a', { source })).toMatchObject({
    code: 'SOURCE_FAILED',
    message: 'git cannot be started on the runner',
  });
});

test('what git said is logged when it was the end, and nothing is left in the workspace', async () => {
  const workspace = temporaryDirectory();
  const log: string[] = [];
  await failureOf(sshUrl(createRepository()), { git: { sshKey: lab.otherKey }, log, workspace });
  expect(log.join('')).toContain('Permission denied (publickey');
  expect(log.every((line) => line.endsWith('\n'))).toBe(true);
  expect(readdirSync(workspace)).toEqual([]);
});

function hostKey(): string {
  const file = join(temporaryDirectory(), 'host');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  return readFileSync(`${file}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
}
