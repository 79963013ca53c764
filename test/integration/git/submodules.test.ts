import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/model/errors.js';
import { Secret } from '../../../src/model/secret.js';
import { comparePaths, type FileEntry } from '../../../src/model/tree.js';
import { createLfsServer } from './lfs-server.js';
import {
  createRepository,
  createSource,
  fetchFrom,
  fileUrl,
  httpUrl,
  lab,
  readAll,
  sshUrl,
  type FetchOptions,
  type Repository,
} from './lab.js';
import { httpServer, proxyToLab } from './servers.js';

type Link = { url?: string; id: string; name?: string; more?: string };

const git = { username: lab.username, token: lab.token };

/** Commits gitlinks by path, and the .gitmodules that belongs to them. */
function link(repository: Repository, links: Record<string, Link>): string {
  const modules = Object.entries(links)
    .filter(([, { url }]) => url !== undefined)
    .map(
      ([path, { url, name = path, more = '' }]) =>
        `[submodule "${name}"]\n\tpath = ${path}\n\turl = "${url}"\n${more}`,
    );
  repository.commit({ '.gitmodules': modules.join(''), 'main.txt': 'main\n' });
  for (const [path, { id }] of Object.entries(links))
    repository.git('update-index', '--add', '--cacheinfo', `160000,${id},${path}`);
  repository.git('commit', '--quiet', '--message', 'gitlinks');
  repository.push();
  return repository.git('rev-parse', 'HEAD');
}

/** A repository of one file. */
function library(content: string): { repository: Repository; id: string } {
  const repository = createRepository();
  return { repository, id: repository.commit({ 'lib.txt': content }) };
}

async function texts(url: string, options: FetchOptions = {}, source = createSource()): Promise<unknown> {
  const { tree } = await fetchFrom(source, url, options);
  const read = [...(await readAll(tree))].filter(([path]) => !path.endsWith('.gitmodules'));
  return Object.fromEntries(read.map(([path, content]) => [path, content.toString()]));
}

async function failureOf(url: string, options: FetchOptions = {}, source = createSource()): Promise<Failure> {
  const error = await fetchFrom(source, url, options).then(
    () => new Error('it was fetched'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Failure)) throw error;
  return error;
}

describe('private submodules', () => {
  test('over ssh with the same key: relative and absolute URLs, and nested ones', async () => {
    const deep = library('deep\n');
    const middle = createRepository();
    const middleId = link(middle, { 'in/deep': { url: `../${deep.repository.name}.git`, id: deep.id } });
    const absolute = library('absolute\n');
    const main = createRepository();
    link(main, {
      'libs/middle': { url: `../${middle.name}.git/`, id: middleId },
      other: { url: sshUrl(absolute.repository), id: absolute.id },
    });
    const log: string[] = [];
    expect(await texts(sshUrl(main), { log })).toEqual({
      'main.txt': 'main\n',
      'libs/middle/main.txt': 'main\n',
      'libs/middle/in/deep/lib.txt': 'deep\n',
      'other/lib.txt': 'absolute\n',
    });
    expect(log.join('')).toContain(
      `Submodule 'libs/middle/in/deep': ${sshUrl(deep.repository).replace(/\/\/.*@/, '//')} at ${deep.id}`,
    );
    for (const otherGit of [{ sshKey: lab.otherKey }, {}])
      expect(await failureOf(sshUrl(main), { git: otherGit })).toMatchObject({ code: 'SOURCE_DENIED' });
  });

  test('over http: the token goes to its origin, and not to another one', async () => {
    const lib = library('lib\n');
    const main = createRepository();
    link(main, { lib: { url: `../${lib.repository.name}.git`, id: lib.id } });
    expect(await texts(httpUrl('private', main), { git })).toMatchObject({ 'lib/lib.txt': 'lib\n' });

    const seen: (string | undefined)[] = [];
    const toLab = proxyToLab();
    const port = await httpServer((request, response) => {
      seen.push(request.headers.authorization);
      toLab(request, response);
    });
    const elsewhere = `http://127.0.0.1:${port}/private/${lib.repository.name}.git`;
    link(main, { lib: { url: elsewhere, id: lib.id } });
    const failure = await failureOf(httpUrl('private', main), { git });
    expect(failure).toMatchObject({ code: 'SOURCE_DENIED', exitCode: 3 });
    expect(failure.message).toBe(
      `submodule 'lib': ${elsewhere}: it wants a login, and there is none for its host`,
    );
    expect(seen.length).toBeGreaterThan(0);
    expect(new Set(seen)).toEqual(new Set([undefined]));
    link(main, { lib: { url: elsewhere.replace('/private/', '/public/'), id: lib.id } });
    expect(await texts(httpUrl('private', main), { git })).toMatchObject({ 'lib/lib.txt': 'lib\n' });
  });

  test('what the mirrors hold is for those whom each repository accepts', async () => {
    const lib = library('lib\n');
    const main = createRepository();
    link(main, { lib: { url: httpUrl('private', lib.repository), id: lib.id } });
    const source = createSource();
    await texts(httpUrl('private', main), { git }, source);
    const failure = await failureOf(httpUrl('public', main), { git: {} }, source);
    expect(failure).toMatchObject({
      code: 'SOURCE_DENIED',
      message: expect.stringContaining("submodule 'lib'"),
    });
    const wrong = { ...git, token: new Secret('wrong') };
    expect(await failureOf(httpUrl('public', main), { git: wrong }, source)).toMatchObject({
      code: 'SOURCE_DENIED',
    });
  });

  test('of a server that gives nothing but tips', async () => {
    const lib = library('first\n');
    lib.repository.commit({ 'lib.txt': 'second\n' });
    const main = createRepository();
    link(main, { lib: { url: `../${lib.repository.name}.git`, id: lib.id } });
    expect(await texts(`${lab.sshV0}/${main.name}.git`)).toMatchObject({ 'lib/lib.txt': 'first\n' });
  });

  test('with files in LFS', async () => {
    const server = await createLfsServer();
    const lib = createRepository();
    const id = lib.commit({ '.gitattributes': '*.bin filter=lfs -text\n', 'a.bin': server.add('large\n') });
    const main = createRepository();
    link(main, { lib: { url: `../${lib.name}.git`, id } });
    const url = `${server.origin}/private/${main.name}.git`;
    expect(await texts(url, { git })).toMatchObject({ 'lib/a.bin': 'large\n' });
  });
});

describe('which ones', () => {
  test('--submodules no: empty directories, and nobody is asked', async () => {
    const main = createRepository();
    const id = main.commit({ a: 'a' });
    link(main, { lib: { url: 'ssh://git@127.0.0.1:1/absent.git', id } });
    const { tree } = await fetchFrom(createSource(), sshUrl(main), { submodules: 'no' });
    const entries = await tree.entries();
    expect(entries.find(({ path }) => path === 'lib')).toMatchObject({ type: 'directory' });
    expect(entries.filter(({ path }) => path.startsWith('lib/'))).toEqual([]);
  });

  test('one that .gitmodules does not name: empty with a warning, and with yes a failure', async () => {
    const lib = library('lib\n');
    const main = createRepository();
    link(main, { lib: { url: fileUrl(lib.repository), id: lib.id }, lost: { id: lib.id } });
    const warnings: string[] = [];
    expect(await texts(fileUrl(main), { warnings })).toEqual({
      'main.txt': 'main\n',
      'lib/lib.txt': 'lib\n',
    });
    expect(warnings).toEqual(["the submodule 'lost' has no URL in .gitmodules: its directory is empty"]);
    expect(await failureOf(fileUrl(main), { submodules: 'yes' })).toMatchObject({
      code: 'SOURCE_FAILED',
      message: "the submodule 'lost' has no URL in .gitmodules",
    });
  });

  test('update = none is left empty, as git leaves it; an entry without a gitlink means nothing', async () => {
    const lib = library('lib\n');
    const main = createRepository();
    const none = '\tupdate = none\n[submodule "ghost"]\n\tpath = ghost\n\turl = ../nowhere\n';
    link(main, { lib: { url: 'http://127.0.0.1:1/x', id: lib.id, more: none } });
    expect(await texts(fileUrl(main), { submodules: 'yes' })).toEqual({ 'main.txt': 'main\n' });
  });

  test('a source without any costs and says nothing', async () => {
    const main = library('main\n').repository;
    const log: string[] = [];
    expect(await texts(fileUrl(main), { log, submodules: 'yes' })).toEqual({ 'lib.txt': 'main\n' });
    expect(log).toEqual([]);
  });
});

describe('a hostile .gitmodules', () => {
  const refused: [string, Partial<Link>, RegExp][] = [
    ['another protocol', { url: 'ext::sh -c touch% x' }, /not accepted as URL of a git repository/],
    ['an option', { url: '--upload-pack=touch' }, /not accepted as URL of a git repository/],
    ['a path of the machine', { url: '/srv/git/app.git' }, /not accepted as URL of a git repository/],
    ['a repository of the machine', { url: 'file:///srv/app.git' }, /no repositories of its own file system/],
    ['Mercurial', { url: 'hg+ssh://hg@127.0.0.1/x' }, /is not a git repository/],
    ['a password', { url: 'https://u:hunter2@forge.example/x' }, /holds a user name or a password/],
    ['a way out of the URL', { url: '../../../../../../../../../../../x' }, /leads out of|is not accepted/],
    ['a name that leads out', { name: '../../x' }, /its name in .gitmodules is not accepted/],
  ];
  test.each(refused)('%s', async (_, change, why) => {
    const lib = library('lib\n');
    const main = createRepository();
    link(main, { lib: { url: sshUrl(lib.repository), id: lib.id, ...change } });
    const source = createSource({ allowFileRepositories: false });
    const failure = await failureOf(sshUrl(main), {}, source);
    expect(failure).toMatchObject({ exitCode: 3, message: expect.stringMatching(why) });
    expect(failure.message).toContain("submodule 'lib'");
    expect(failure.line).not.toContain('hunter2');
  });

  test('text that git cannot read, and a link in its place', async () => {
    const lib = library('lib\n');
    const main = createRepository();
    link(main, { lib: { url: fileUrl(lib.repository), id: lib.id } });
    const replace = (mode: string, text: string): void => {
      const blob = main.feed(text, 'hash-object', '-w', '--stdin');
      const lines = main.git('ls-tree', 'HEAD').replace(/^.*(?=\t\.gitmodules$)/m, `${mode} blob ${blob}`);
      const commit = main.git('commit-tree', '-m', 'replace', main.feed(`${lines}\n`, 'mktree', '--missing'));
      main.git('update-ref', 'refs/heads/main', commit);
      main.push();
    };
    replace('100644', '[submodule "x"\n');
    expect(await failureOf(fileUrl(main))).toMatchObject({
      code: 'SOURCE_FAILED',
      message: expect.stringContaining("'.gitmodules' cannot be read: bad config line "),
    });
    replace('120000', '/etc/passwd');
    const warnings: string[] = [];
    await fetchFrom(createSource(), fileUrl(main), { warnings });
    expect(warnings.length).toBe(1);
  });

  test('a tower of submodules, and a bush', async () => {
    let top = createRepository();
    let id = top.commit({ a: 'a' });
    for (let level = 0; level < 11; level++) {
      const above = createRepository();
      id = link(above, { s: { url: fileUrl(top), id } });
      top = above;
    }
    expect(await failureOf(fileUrl(top))).toMatchObject({
      code: 'SOURCE_FAILED',
      message: expect.stringContaining('nested more than 10 deep'),
    });
    const bush = createRepository();
    const leaf = bush.commit({ a: 'a' });
    const links = Array.from({ length: 501 }, (_, i) => [`s${i}`, { id: leaf, url: fileUrl(bush) }]);
    link(bush, Object.fromEntries(links));
    expect(await failureOf(fileUrl(bush))).toMatchObject({
      message: expect.stringContaining('more than 500'),
    });
  });
});

test('a failure names path and URL, ends the others, and leaves no process behind', async () => {
  const lib = library('lib\n');
  const main = createRepository();
  const hanging = await httpServer(() => undefined);
  link(main, {
    a: { url: `http://127.0.0.1:${hanging}/a.git`, id: lib.id },
    b: { url: `../absent.git`, id: lib.id },
  });
  const failure = await failureOf(httpUrl('public', main), { git: {} });
  expect(failure).toMatchObject({
    code: 'REPOSITORY_NOT_FOUND',
    message: `submodule 'b': ${lab.http}/public/absent.git: there is no such repository`,
  });
  expect(await failureOf(httpUrl('public', lib.repository), { revision: '1'.repeat(40) })).toMatchObject({
    code: 'REVISION_NOT_FOUND',
  });
});

test('many submodules: entries in order, read in any order, each before the next is asked for', async () => {
  const libs = Array.from({ length: 12 }, (_, i) => library(`lib ${i}\n`));
  const main = createRepository();
  link(
    main,
    Object.fromEntries(
      libs.map(({ repository, id }, i) => [`libs/l${i}`, { url: `../${repository.name}.git`, id }]),
    ),
  );
  const { tree } = await fetchFrom(createSource(), fileUrl(main));
  const entries = await tree.entries();
  const paths = entries.map(({ path }) => path);
  expect(paths).toEqual([...paths].sort(comparePaths));
  const files = entries.filter((entry): entry is FileEntry => entry.type === 'file').reverse();
  const given: string[] = [];
  async function* onDemand() {
    for (const file of [...files, ...files]) {
      const before = given.length;
      yield file;
      while (given.length === before) await new Promise((resolve) => setImmediate(resolve));
    }
  }
  for await (const { entry, chunks } of tree.read(onDemand())) {
    for await (const _ of chunks);
    given.push(entry.path);
  }
  expect(given).toEqual([...files, ...files].map(({ path }) => path));
  for await (const { entry } of tree.read(files)) {
    expect(entry).toBe(files[0]);
    break;
  }
  async function* failing() {
    yield files[0]!;
    throw new Error('no more names');
  }
  await expect(
    (async () => {
      for await (const { chunks } of tree.read(failing())) for await (const _ of chunks);
    })(),
  ).rejects.toThrow('no more names');
});

test('many builds of one repository with submodules at once', async () => {
  const libs = [library('one\n'), library('two\n')];
  const main = createRepository();
  link(main, {
    one: { url: `../${libs[0]!.repository.name}.git`, id: libs[0]!.id },
    two: { url: `../${libs[1]!.repository.name}.git`, id: libs[1]!.id },
    again: { url: `../${libs[0]!.repository.name}.git`, id: libs[0]!.id },
  });
  const source = createSource();
  const all = await Promise.all(Array.from({ length: 8 }, () => texts(sshUrl(main), {}, source)));
  for (const one of all) {
    expect(one).toEqual({
      'main.txt': 'main\n',
      'one/lib.txt': 'one\n',
      'two/lib.txt': 'two\n',
      'again/lib.txt': 'one\n',
    });
  }
});
