import { renameSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/model/secret.js';
import { freePort, httpServer, tcpServer } from '../git/servers.js';
import {
  createRepository,
  createSource,
  failureOf,
  fetchFrom,
  fileUrl,
  httpUrl,
  lab,
  readText,
  sshUrl,
} from './lab.js';
import { proxyTo } from './servers.js';

const git = { username: lab.username, token: lab.token };

describe('who is let in', () => {
  test('over ssh with the key, over http with the token, and nobody else, whatever the cache holds', async () => {
    const repository = createRepository();
    const revision = repository.commit({ a: 'a' });
    const source = createSource();
    for (const options of [{}, { revision }]) {
      const { tree } = await fetchFrom(source, sshUrl(repository), options);
      expect(await readText(tree, 'a')).toBe('a');
      await fetchFrom(source, httpUrl('private', repository), { ...options, git });
    }
    for (const other of [{ sshKey: lab.otherKey }, {}]) {
      const failure = await failureOf(sshUrl(repository), { revision, git: other }, source);
      expect(failure).toMatchObject({ code: 'SOURCE_DENIED', exitCode: 3 });
      expect(failure.message).toBe(
        `${sshUrl(repository).replace(/\/\/.*@/, '//')}: the host does not accept the SSH key`,
      );
    }
    const strangers = [
      { git: {}, what: 'it wants a login' },
      { git: { ...git, token: new Secret('wrong') }, what: 'does not accept the token' },
      { git: { ...git, username: 'somebody' }, what: 'does not accept the token' },
    ];
    for (const { git, what } of strangers) {
      const failure = await failureOf(httpUrl('private', repository), { revision, git }, source);
      expect(failure).toMatchObject({ code: 'SOURCE_DENIED', message: expect.stringContaining(what) });
    }
    await fetchFrom(source, httpUrl('public', repository), { git: {} });
  });

  test('a user name with what hg would expand, and a token with odd characters', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    const seen: (string | undefined)[] = [];
    const port = await httpServer((request, response) => {
      seen.push(request.headers.authorization);
      if (request.headers.authorization === undefined)
        return void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      proxyTo(lab.http, (url) => `/public${url}`)(request, response);
    });
    const odd = { username: '$HOME~%s;#', token: new Secret('%include /etc/passwd ; # = [x] "\\') };
    await fetchFrom(createSource(), `http://127.0.0.1:${port}/${repository.name}`, { git: odd });
    const basic = Buffer.from(`${odd.username}:${odd.token.reveal()}`).toString('base64');
    expect(new Set(seen)).toEqual(new Set([undefined, `Basic ${basic}`]));
  });

  test('a proof lasts for a while, and then the forge is asked', async () => {
    const repository = createRepository();
    const revision = repository.commit({ a: 'a' });
    let now = 1_000_000;
    const source = createSource({ accessTtlMs: 600_000, clock: { elapsed: () => now } });
    await fetchFrom(source, fileUrl(repository), { revision });
    renameSync(repository.directory, `${repository.directory}.away`);
    now += 599_999;
    expect(await readText((await fetchFrom(source, fileUrl(repository), { revision })).tree, 'a')).toBe('a');
    now += 1;
    expect(await failureOf(fileUrl(repository), { revision }, source)).toMatchObject({
      code: 'REPOSITORY_NOT_FOUND',
    });
    renameSync(`${repository.directory}.away`, repository.directory);
    await fetchFrom(source, fileUrl(repository), { revision });
  });

  test('a token does not follow a redirect to another origin', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    const seen: (string | undefined)[] = [];
    const other = await httpServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    const first = await httpServer((request, response) =>
      response.writeHead(302, { location: `http://localhost:${other}${request.url}` }).end(),
    );
    const url = `http://127.0.0.1:${first}/private/${repository.name}`;
    expect(await failureOf(url, { git })).toMatchObject({ code: 'SOURCE_DENIED' });
    expect(seen.length).toBeGreaterThan(0);
    expect(new Set(seen)).toEqual(new Set([undefined]));
  });
});

describe('what goes wrong on the way', () => {
  test('a host key that is unknown, or trusted on first use', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    const stranger = createSource({ knownHosts: '' });
    expect(await failureOf(sshUrl(repository), {}, stranger)).toMatchObject({ code: 'HOST_KEY_UNKNOWN' });
    await fetchFrom(stranger, sshUrl(repository), { acceptNewHostKey: true });
  });

  test.each([
    ['ssh', () => `${lab.ssh}/absent`],
    ['http', () => `${lab.http}/public/absent`],
    ['file', () => 'file:///nowhere/absent'],
  ])('a repository that is not there, over %s', async (_, url) => {
    expect(await failureOf(url())).toMatchObject({
      code: 'REPOSITORY_NOT_FOUND',
      message: expect.stringContaining('there is no such repository'),
    });
  });

  test('nobody listens, no such host, a connection that is cut, no TLS', async () => {
    const free = await freePort();
    const cut = await tcpServer((socket) => socket.end());
    const plain = await httpServer((_, response) => response.end());
    const expected: [string, string][] = [
      [`ssh://hg@127.0.0.1:${free}/a`, 'refuses the connection'],
      [`http://127.0.0.1:${free}/a`, 'refuses the connection'],
      ['ssh://hg@host.invalid/a', 'cannot be resolved'],
      ['http://host.invalid/a', 'cannot be resolved'],
      [`ssh://hg@127.0.0.1:${cut}/a`, 'was cut'],
      [`https://127.0.0.1:${plain}/a`, 'TLS connection fails'],
    ];
    for (const [url, what] of expected) {
      const failure = await failureOf(url);
      expect([url, failure.code, failure.message]).toEqual([
        url,
        'SOURCE_UNREACHABLE',
        expect.stringContaining(what),
      ]);
    }
  });

  test.each([
    [403, 'SOURCE_DENIED', false],
    [404, 'REPOSITORY_NOT_FOUND', false],
    [429, 'SOURCE_UNREACHABLE', true],
    [500, 'SOURCE_UNREACHABLE', true],
  ])('an answer with status %d', async (status, code, transient) => {
    const port = await httpServer((_, response) =>
      response.writeHead(status).end('certificate verify failed'),
    );
    expect(await failureOf(`http://127.0.0.1:${port}/a`)).toMatchObject({ code, transient });
  });

  test('something else than Mercurial', async () => {
    const port = await httpServer((_, response) => response.end('<html>hello</html>'));
    expect(await failureOf(`http://127.0.0.1:${port}/a`)).toMatchObject({ code: 'REPOSITORY_NOT_FOUND' });
  });

  test('file:// where the server does not allow it, and a URL with a branch in it', async () => {
    const closed = createSource({ allowFileRepositories: false });
    expect(await failureOf(fileUrl(createRepository()), {}, closed)).toMatchObject({ code: 'DENIED' });
    expect(await failureOf('https://forge.example/a#stable')).toMatchObject({ code: 'USAGE' });
  });

  test('a runner without hg', async () => {
    const source = createSource({ environment: { PATH: '/nowhere' } });
    expect(await failureOf('file:///a', {}, source)).toMatchObject({
      code: 'SOURCE_FAILED',
      message: 'hg cannot be started on the runner',
    });
  });
});
