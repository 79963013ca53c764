import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createLfsServer, lfsUrl, pointer, type LfsServer } from './lfs-server.js';
import {
  createRepository,
  createSource,
  fetchFrom,
  fileUrl,
  lab,
  readAll,
  readText,
  sshUrl,
  temporaryDirectory,
  type Repository,
} from './lab.js';

const git = { username: lab.username, token: lab.token };
const ATTRIBUTES = '*.bin filter=lfs diff=lfs merge=lfs -text\n';
const big = Buffer.alloc(3_000_000, 'large file ');

async function twoObjects(): Promise<{ server: LfsServer; repository: Repository }> {
  const server = await createLfsServer();
  const repository = createRepository();
  repository.commit({
    '.gitattributes': ATTRIBUTES,
    'a/big.bin': server.add(big),
    'small.bin': server.add('small\n'),
    'empty.bin': '',
    'unconverted.bin': 'this one was never put into LFS\n',
    'looks-like-one.txt': server.add('nobody wants this'),
    'plain.txt': 'plain\n',
  });
  return { server, repository };
}

describe('files in LFS', () => {
  test('have their content, size and id, and the others what git has', async () => {
    const { server, repository } = await twoObjects();
    const { tree } = await fetchFrom(createSource(), lfsUrl('private', server, repository), { git });
    const contents = await readAll(tree);
    expect(contents.get('a/big.bin')?.equals(big)).toBe(true);
    expect(contents.get('small.bin')?.toString()).toBe('small\n');
    expect(contents.get('empty.bin')?.toString()).toBe('');
    expect(contents.get('unconverted.bin')?.toString()).toContain('never');
    expect(contents.get('looks-like-one.txt')?.toString()).toContain('git-lfs.github.com');
    const entries = new Map((await tree.entries()).map((entry) => [entry.path, entry]));
    expect(entries.get('a/big.bin')).toMatchObject({ size: big.length, mode: 0o644 });
    const [oid] = [...server.objects].find(([, content]) => content.equals(big))!;
    expect(entries.get('a/big.bin')).toMatchObject({ id: `sha256:${oid}` });
    const downloads = server.requests.filter(({ what }) => what.startsWith('GET'));
    expect(downloads.length).toBe(2);
  });

  test('--lfs no leaves the pointers, and asks nobody', async () => {
    const { server, repository } = await twoObjects();
    const url = lfsUrl('private', server, repository);
    const { tree } = await fetchFrom(createSource(), url, { git, lfs: 'no' });
    expect(await readText(tree, 'small.bin')).toMatch(/^version https.*\noid sha256:\w+\nsize 6\n$/);
    expect(server.requests).toEqual([]);
  });

  test('are written by git-lfs itself, found over file:// by attributes anywhere, beside line ends', async () => {
    const repository = createRepository();
    repository.git('config', 'filter.lfs.clean', 'git-lfs clean -- %f');
    repository.git('config', 'filter.lfs.required', 'true');
    repository.git('config', 'core.hooksPath', '/dev/null');
    mkdirSync(join(repository.work, 'deep'));
    writeFileSync(join(repository.work, 'deep/.gitattributes'), 'data -text filter=lfs\n*.bat eol=crlf\n');
    repository.commit({ 'deep/data': 'in LFS\n', 'deep/a.bat': 'x\n', data: 'not in LFS\n' });
    repository.git('lfs', 'push', '--all', fileUrl(repository));
    const { tree } = await fetchFrom(createSource(), fileUrl(repository));
    const texts = [...(await readAll(tree))].map(([path, content]) => [path, content.toString()]);
    expect(Object.fromEntries(texts)).toMatchObject({
      'deep/data': 'in LFS\n',
      'deep/a.bat': 'x\r\n',
      data: 'not in LFS\n',
    });
  });

  test('over ssh: the server says where, git-lfs-authenticate', async () => {
    const { server, repository } = await twoObjects();
    const answer = {
      href: `${server.origin}/private/${repository.name}.git/info/lfs`,
      header: { authorization: 'RemoteAuth ticket' },
    };
    writeFileSync(join(repository.bare, 'lfs-authenticate.json'), JSON.stringify(answer));
    const { tree } = await fetchFrom(createSource(), sshUrl(repository));
    expect(await readText(tree, 'small.bin')).toBe('small\n');
  });

  test('of a repository with ids of 64 digits', async () => {
    const server = await createLfsServer();
    const repository = createRepository({ format: 'sha256' });
    repository.commit({ '.gitattributes': ATTRIBUTES, 'a.bin': server.add('content') });
    const { tree } = await fetchFrom(createSource(), lfsUrl('public', server, repository));
    expect(await readText(tree, 'a.bin')).toBe('content');
  });
});

describe('lfs.url of .lfsconfig', () => {
  test('is followed, from ssh to a public server', async () => {
    const { server, repository } = await twoObjects();
    const url = `${server.origin}/public/elsewhere`;
    repository.commit({ '.lfsconfig': `[lfs]\n\turl = ${url}/info/lfs/\n` });
    const { tree } = await fetchFrom(createSource(), sshUrl(repository), {
      git: { sshKey: lab.key, ...git },
    });
    expect(await readText(tree, 'small.bin')).toBe('small\n');
    expect(server.requests[0]?.what).toContain('/public/elsewhere');
  });

  test('gets no token on another host, also when that one asks for it', async () => {
    const { server, repository } = await twoObjects();
    const other = await createLfsServer();
    repository.commit({ '.lfsconfig': `[lfs]\n\turl = ${other.origin}/private/x/info/lfs\n` });
    await expect(
      fetchFrom(createSource(), lfsUrl('private', server, repository), { git }),
    ).rejects.toMatchObject({
      code: 'SOURCE_DENIED',
      message: expect.stringMatching(/'a\/big.bin' is kept/),
    });
    expect(other.requests.length).toBeGreaterThan(0);
    expect(new Set(other.requests.map(({ authorization }) => authorization))).toEqual(new Set([undefined]));
    expect(server.requests).toEqual([]);
  });

  test.each([
    ['file:///etc', 'no repositories of its own file system'],
    ['ext::touch x', 'is not accepted as lfs.url'],
    ['-oProxyCommand=x', 'is not accepted as lfs.url'],
    ['ssh://git@127.0.0.1:1/x', 'refuses the connection'],
  ])('%s', async (url, why) => {
    const { server, repository } = await twoObjects();
    repository.commit({ '.lfsconfig': `[lfs]\n\turl = "${url}"\n` });
    const source = createSource({ allowFileRepositories: false });
    const failure = await fetchFrom(source, lfsUrl('private', server, repository), { git }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ exitCode: 3, message: expect.stringContaining(why) });
  });

  test('what it leaves out, and what is no configuration', async () => {
    const { server, repository } = await twoObjects();
    repository.commit({ '.lfsconfig': '[lfs]\n\tfetchexclude = *.bin\n' });
    const url = lfsUrl('private', server, repository);
    expect(await readText((await fetchFrom(createSource(), url, { git })).tree, 'small.bin')).toBe('small\n');
    repository.commit({ '.lfsconfig': '[[[' });
    await expect(fetchFrom(createSource(), url, { git })).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
      message: expect.stringMatching(/\.lfsconfig cannot be used: bad config line 1/),
    });
  });
});

describe('what cannot be had', () => {
  test('an object that the server lacks: the file, and what to do', async () => {
    const { server, repository } = await twoObjects();
    repository.commit({ 'lost.bin': pointer('0'.repeat(64), 7) });
    const log: string[] = [];
    const failure = await fetchFrom(createSource(), lfsUrl('private', server, repository), {
      git,
      log,
    }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'SOURCE_FAILED',
      message: `${server.origin}/private/${repository.name}.git: 'lost.bin' is kept in Git LFS, and its content cannot be had: the LFS server does not have it`,
      hint: '--lfs no leaves the pointer files as they are',
    });
    expect(log.join('')).toContain('[404]');
  });

  test.each([
    [404, 'Not found', 'git-lfs failed: batch response: Not found'],
    [403, 'You may not', 'You may not'],
    [501, 'No LFS here', 'No LFS here'],
  ])('a server that answers %d', async (status, message, what) => {
    const server = await createLfsServer({ status, message });
    const repository = createRepository();
    repository.commit({ '.gitattributes': ATTRIBUTES, 'a.bin': server.add('a') });
    await expect(fetchFrom(createSource(), lfsUrl('public', server, repository))).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
      message: expect.stringContaining(what),
    });
  });

  test('a server that knows nothing of LFS, which is git-http', async () => {
    const repository = createRepository();
    repository.commit({ '.gitattributes': ATTRIBUTES, 'a.bin': pointer('1'.repeat(64), 1) });
    await expect(
      fetchFrom(createSource(), `${lab.http}/private/${repository.name}.git`, { git }),
    ).rejects.toMatchObject({ code: 'SOURCE_FAILED', message: expect.stringContaining("'a.bin' is kept") });
    await expect(fetchFrom(createSource(), sshUrl(repository))).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
      message: expect.stringContaining("'a.bin' is kept"),
    });
  });

  test('content that is not what the pointer says', async () => {
    const { server, repository } = await twoObjects();
    for (const oid of server.objects.keys()) server.objects.set(oid, Buffer.alloc(big.length, 'x'));
    await expect(
      fetchFrom(createSource(), lfsUrl('private', server, repository), { git }),
    ).rejects.toMatchObject({ message: expect.stringContaining('the LFS server sent something else') });
  });

  test('a runner without git-lfs', async () => {
    const { server, repository } = await twoObjects();
    const path = temporaryDirectory();
    for (const name of ['git', 'ssh', 'sh', 'bash'])
      symlinkSync(execFileSync('which', [name]).toString().trim(), join(path, name));
    const source = createSource({ environment: { PATH: path } });
    await expect(fetchFrom(source, lfsUrl('private', server, repository), { git })).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
      message: expect.stringContaining('git-lfs is not installed on the runner'),
      hint: '--lfs no leaves the pointer files as they are',
    });
  });

  test('an extension would have to run', async () => {
    const repository = createRepository();
    const oid = 'a'.repeat(64);
    const text = pointer(oid, 1).replace('oid', `ext-0-rot13 sha256:${oid}\noid`);
    repository.commit({ '.gitattributes': ATTRIBUTES, 'a.bin': text });
    await expect(fetchFrom(createSource(), fileUrl(repository))).rejects.toMatchObject({
      message: "'a.bin' is kept in Git LFS with an extension, which is not supported",
    });
  });
});

describe('the store', () => {
  test('serves who was accepted by the repository, without asking again, and nobody else', async () => {
    const { server, repository } = await twoObjects();
    const url = lfsUrl('private', server, repository);
    const source = createSource();
    await fetchFrom(source, url, { git });
    const asked = server.requests.length;
    expect(await readText((await fetchFrom(source, url, { git })).tree, 'small.bin')).toBe('small\n');
    await expect(fetchFrom(source, url, { git: {} })).rejects.toMatchObject({ code: 'SOURCE_DENIED' });
    expect(server.requests.length).toBe(asked);
  });

  test('is filled once by many builds at the same time', async () => {
    const { server, repository } = await twoObjects();
    const url = lfsUrl('private', server, repository);
    const source = createSource();
    const texts = await Promise.all(
      Array.from({ length: 8 }, async () =>
        readText((await fetchFrom(source, url, { git })).tree, 'small.bin'),
      ),
    );
    expect(new Set(texts)).toEqual(new Set(['small\n']));
    expect(server.requests.filter(({ what }) => what.startsWith('GET')).length).toBe(2);
  });

  test('an object that was damaged or cut is noticed, and fetched anew', async () => {
    const { server, repository } = await twoObjects();
    const url = lfsUrl('private', server, repository);
    const dataDirectory = temporaryDirectory();
    const source = createSource({ dataDirectory });
    const { tree } = await fetchFrom(source, url, { git });
    for (const file of storedObjects(dataDirectory)) writeFileSync(file, readFileSync(file).fill('x'));
    await expect(readAll(tree)).rejects.toMatchObject({ code: 'SOURCE_FAILED', transient: true });
    for (const file of storedObjects(dataDirectory)) writeFileSync(file, 'cut');
    const again = await fetchFrom(source, url, { git });
    expect(await readText(again.tree, 'small.bin')).toBe('small\n');
  });

  test('holds whole objects and nothing that was lent', async () => {
    const server = await createLfsServer({ status: 500, message: 'no' });
    const repository = createRepository();
    repository.commit({ '.gitattributes': ATTRIBUTES, 'a.bin': server.add('a') });
    const dataDirectory = temporaryDirectory();
    const workspace = temporaryDirectory();
    await fetchFrom(createSource({ dataDirectory }), lfsUrl('private', server, repository), {
      git,
      workspace,
    }).catch(() => undefined);
    expect(readdirSync(join(lfsStore(dataDirectory)))).toEqual(['objects']);
    expect(readdirSync(workspace)).toEqual([]);
  });
});

test('an abort ends git-lfs, which showed no secret', async () => {
  const server = await createLfsServer({ hangs: true });
  const repository = createRepository();
  repository.commit({ '.gitattributes': ATTRIBUTES, 'a.bin': server.add('a') });
  const abort = new AbortController();
  const workspace = temporaryDirectory();
  const fetching = fetchFrom(createSource(), lfsUrl('private', server, repository), {
    git,
    workspace,
    signal: abort.signal,
  });
  fetching.catch(() => undefined);
  await expect.poll(() => server.requests.length).toBeGreaterThan(0);
  const running = commandLinesOf(workspace);
  expect(running.some((line) => line.includes('git-lfs fetch'))).toBe(true);
  for (const line of running) expect(line).not.toContain(lab.token.reveal());
  abort.abort(new Error('cancelled'));
  await expect(fetching).rejects.toThrow('cancelled');
  expect(commandLinesOf(workspace)).toEqual([]);
});

function lfsStore(dataDirectory: string): string {
  const root = join(dataDirectory, 'git');
  return join(root, readdirSync(root)[0]!, 'lfs');
}

function storedObjects(dataDirectory: string): string[] {
  const objects = join(lfsStore(dataDirectory), 'objects');
  return readdirSync(objects, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Command lines of the processes whose home is below `directory`. */
function commandLinesOf(directory: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const isOurs = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`HOME=${directory}`);
        return isOurs ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')] : [];
      } catch {
        return []; // it has ended
      }
    });
}
