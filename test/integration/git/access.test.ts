import { renameSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/model/secret.js';
import { createRepository, createSource, fetchFrom, fileUrl, httpUrl, lab, readText, sshUrl } from './lab.js';
import { httpServer, proxyToLab } from './servers.js';

const git = { username: lab.username, token: lab.token };

describe('the mirror serves who was accepted', () => {
  test('and nobody else, whatever it holds', async () => {
    const repository = createRepository();
    const revision = repository.commit({ a: 'a' });
    const source = createSource();
    await fetchFrom(source, sshUrl(repository), { revision });
    for (const other of [{ sshKey: lab.otherKey }, {}, { token: lab.token }]) {
      await expect(fetchFrom(source, sshUrl(repository), { revision, git: other })).rejects.toMatchObject({
        code: 'SOURCE_DENIED',
      });
    }
    await fetchFrom(source, httpUrl('private', repository), { revision, git });
    for (const other of [{}, { ...git, token: new Secret('wrong') }, { ...git, username: 'somebody' }]) {
      await expect(
        fetchFrom(source, httpUrl('private', repository), { revision, git: other }),
      ).rejects.toMatchObject({
        code: 'SOURCE_DENIED',
      });
    }
  });

  test('without asking again for a while, and then asks', async () => {
    const repository = createRepository();
    const revision = repository.commit({ a: 'a' });
    let now = 1_000_000;
    const source = createSource({ accessTtlMs: 600_000, clock: { elapsed: () => now } });
    await fetchFrom(source, fileUrl(repository), { revision });
    renameSync(repository.bare, `${repository.bare}.away`);
    now += 599_999;
    expect(await readText((await fetchFrom(source, fileUrl(repository), { revision })).tree, 'a')).toBe('a');
    now += 1;
    await expect(fetchFrom(source, fileUrl(repository), { revision })).rejects.toMatchObject({
      code: 'REPOSITORY_NOT_FOUND',
    });
    renameSync(`${repository.bare}.away`, repository.bare);
    await fetchFrom(source, fileUrl(repository), { revision });
  });

  test('a time of zero asks each time', async () => {
    const repository = createRepository();
    const revision = repository.commit({ a: 'a' });
    const source = createSource({ accessTtlMs: 0 });
    await fetchFrom(source, fileUrl(repository), { revision });
    await fetchFrom(source, fileUrl(repository), { revision });
    renameSync(repository.bare, `${repository.bare}.away`);
    await expect(fetchFrom(source, fileUrl(repository), { revision })).rejects.toMatchObject({
      code: 'REPOSITORY_NOT_FOUND',
    });
    renameSync(`${repository.bare}.away`, repository.bare);
  });

  test('a name is asked for each time, since it moves', async () => {
    const repository = createRepository();
    repository.commit({ a: '1' });
    const source = createSource();
    await fetchFrom(source, sshUrl(repository), { revision: 'main' });
    const id = repository.commit({ a: '2' });
    expect((await fetchFrom(source, sshUrl(repository), { revision: 'main' })).revision.id).toBe(id);
  });
});

describe('a token is for its origin alone', () => {
  test('it does not follow a redirect to another one', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    const seen: (string | undefined)[] = [];
    const toPublic = proxyToLab((url) => url.replace('/private/', '/public/'));
    const other = await httpServer((request, response) => {
      seen.push(request.headers.authorization);
      toPublic(request, response);
    });
    const first = await httpServer((request, response) =>
      response.writeHead(302, { location: `http://localhost:${other}${request.url}` }).end(),
    );
    const { tree } = await fetchFrom(
      createSource(),
      `http://127.0.0.1:${first}/private/${repository.name}.git`,
      { git },
    );
    expect(await readText(tree, 'a')).toBe('a');
    expect(seen.length).toBeGreaterThan(2);
    expect(new Set(seen)).toEqual(new Set([undefined]));
  });

  test('also when the other one asks for it', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    const seen: (string | undefined)[] = [];
    const toPrivate = proxyToLab();
    const other = await httpServer((request, response) => {
      seen.push(request.headers.authorization);
      toPrivate(request, response);
    });
    const first = await httpServer((request, response) =>
      response.writeHead(302, { location: `http://localhost:${other}${request.url}` }).end(),
    );
    const url = `http://127.0.0.1:${first}/private/${repository.name}.git`;
    await expect(fetchFrom(createSource(), url, { git })).rejects.toMatchObject({ code: 'SOURCE_DENIED' });
    expect(seen.length).toBeGreaterThan(0);
    expect(new Set(seen)).toEqual(new Set([undefined]));
  });

  test('it does follow one within its origin', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    const toLab = proxyToLab();
    const port = await httpServer((request, response) => {
      const isOld = request.url?.startsWith('/old/') === true;
      if (!isOld) return toLab(request, response);
      response.writeHead(301, { location: request.url?.replace('/old/', '/private/') }).end();
    });
    const { tree } = await fetchFrom(createSource(), `http://127.0.0.1:${port}/old/${repository.name}.git`, {
      git,
    });
    expect(await readText(tree, 'a')).toBe('a');
  });
});
