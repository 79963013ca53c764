import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import {
  createRepository,
  createSource,
  fetchFrom,
  fileUrl,
  httpUrl,
  lab,
  readAll,
  readText,
  sshUrl,
  temporaryDirectory,
} from './lab.js';
import { httpServer, proxyToLab, tcpServer } from './servers.js';

describe('at the same time', () => {
  test('many builds of one repository each get their revision', async () => {
    const repository = createRepository();
    const ids = Array.from({ length: 6 }, (_, i) => repository.commit({ a: String(i) }));
    const source = createSource();
    const wanted = Array.from({ length: 18 }, (_, i) => i % 6);
    const texts = await Promise.all(
      wanted.map(async (i) =>
        readText((await fetchFrom(source, sshUrl(repository), { revision: ids[i]! })).tree, 'a'),
      ),
    );
    expect(texts).toEqual(wanted.map(String));
  });

  test('those who want the same revision share one fetch', async () => {
    const repository = createRepository();
    const revision = repository.commit({ a: 'a' });
    const requests: string[] = [];
    const toLab = proxyToLab();
    const port = await httpServer((request, response) => {
      requests.push(`${request.method} ${request.url?.replace(/^.*\//, '')}`);
      toLab(request, response);
    });
    const url = `http://127.0.0.1:${port}/public/${repository.name}.git`;
    const source = createSource();
    await fetchFrom(source, url, { revision });
    const ofOne = requests.splice(0).length;
    const fresh = createSource();
    await Promise.all(Array.from({ length: 8 }, () => fetchFrom(fresh, url, { revision })));
    expect(requests.length).toBe(ofOne);
  });
});

describe('what is lost costs time, not a build', () => {
  const damages: [string, (store: string) => void][] = [
    ['its packs are garbage', (store) => packs(store).forEach((pack) => overwrite(pack))],
    ['its packs are cut', (store) => packs(store).forEach((pack) => truncateSync(pack, 40))],
    ['its objects are gone', (store) => rmSync(join(store, 'objects'), { recursive: true })],
    ['its HEAD is gone', (store) => rmSync(join(store, 'HEAD'))],
    ['its refs are gone', (store) => rmSync(join(store, 'refs'), { recursive: true })],
    ['it is gone', (store) => rmSync(join(store, '../..'), { recursive: true })],
    ['its configuration is garbage', (store) => writeFileSync(join(store, 'config'), '[[[')],
    ['an interrupted fetch left its lock', (store) => writeFileSync(join(store, 'shallow.lock'), '')],
  ];

  test.each(damages)('%s: known and unknown revisions are fetched', async (_, damage) => {
    const repository = createRepository();
    const known = repository.commit({ a: '1', b: 'b'.repeat(9999) });
    const unknown = repository.commit({ a: '2' });
    for (const revision of [known, unknown]) {
      const dataDirectory = temporaryDirectory();
      const source = createSource({ dataDirectory });
      await fetchFrom(source, fileUrl(repository), { revision: known });
      damage(storeOf(dataDirectory));
      const { tree } = await fetchFrom(source, fileUrl(repository), { revision });
      expect((await readAll(tree)).get('a')?.toString()).toBe(revision === known ? '1' : '2');
      expect(leftovers(dataDirectory)).toEqual([]);
    }
  });

  test.each(damages)('%s while a build reads from it', async (_, damage) => {
    const repository = createRepository();
    const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, noise(100_000)]));
    repository.commit(files);
    const dataDirectory = temporaryDirectory();
    const { tree } = await fetchFrom(createSource({ dataDirectory }), fileUrl(repository));
    await endGit(storeOf(dataDirectory));
    damage(storeOf(dataDirectory));
    const read = await readAll(tree);
    expect(read.size).toBe(20);
    for (const [path, content] of read) expect(content.toString() === files[path]).toBe(true);
  });

  test('one byte in the middle of a large file', async () => {
    const repository = createRepository();
    const content = noise(30_000_000);
    repository.commit({ big: content, small: 'x' });
    const dataDirectory = temporaryDirectory();
    const { tree } = await fetchFrom(createSource({ dataDirectory }), fileUrl(repository));
    const [pack = ''] = packs(storeOf(dataDirectory));
    await endGit(storeOf(dataDirectory));
    const bytes = readFileSync(pack);
    bytes.fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 64);
    overwrite(pack, bytes);
    const read = await readAll(tree);
    expect(read.get('big')?.toString() === content).toBe(true);
    expect(read.get('small')?.toString()).toBe('x');
  });

  test('packs that are cut under a git that reads from them', async () => {
    const repository = createRepository();
    const content = noise(100_000);
    repository.commit({ a: content });
    const dataDirectory = temporaryDirectory();
    const { tree } = await fetchFrom(createSource({ dataDirectory }), fileUrl(repository));
    for (const pack of packs(storeOf(dataDirectory))) truncateSync(pack, 40);
    expect((await readAll(tree)).get('a')?.toString() === content).toBe(true);
  });

  test('a repository that is gone as well is a failure, and says so', async () => {
    const repository = createRepository();
    repository.commit({ a: 'a' });
    const dataDirectory = temporaryDirectory();
    const { tree } = await fetchFrom(createSource({ dataDirectory }), fileUrl(repository));
    await endGit(storeOf(dataDirectory));
    rmSync(storeOf(dataDirectory), { recursive: true });
    rmSync(repository.bare, { recursive: true });
    await expect(readAll(tree)).rejects.toMatchObject({ code: 'REPOSITORY_NOT_FOUND' });
  });
});

test('it keeps the youngest revisions, and those that builds use', async () => {
  const repository = createRepository();
  const tree = repository.commit({ a: 'first' }) && repository.git('rev-parse', 'HEAD^{tree}');
  const dataDirectory = temporaryDirectory();
  const source = createSource({ dataDirectory });
  const first = await fetchFrom(source, fileUrl(repository));
  let head = first.revision.id;
  for (let i = 0; i < 55; i++) {
    head = repository.git('commit-tree', '-p', head, '-m', String(i), tree);
    repository.git('update-ref', 'refs/heads/main', head);
    repository.push();
    await (await fetchFrom(source, fileUrl(repository)))[Symbol.asyncDispose]();
  }
  const refs = join(storeOf(dataDirectory), 'refs/buildbot');
  await vi.waitFor(() => expect(readdirSync(refs).length).toBe(51), 10_000);
  expect(readdirSync(refs)).toContain(head);
  expect(readdirSync(refs)).toContain(first.revision.id);
  await vi.waitFor(() => expect(packs(storeOf(dataDirectory)).length).toBeLessThan(10), 10_000);
  expect(await readText(first.tree, 'a')).toBe('first');
  await first[Symbol.asyncDispose]();
  repository.commit({ a: 'last' });
  await fetchFrom(source, fileUrl(repository));
  await vi.waitFor(() => expect(readdirSync(refs)).not.toContain(first.revision.id), 10_000);
});

describe('an abort', () => {
  test.each([
    ['ssh', 'ssh://git@127.0.0.1'],
    ['http', 'http://127.0.0.1'],
  ])('of a %s forge that does not answer leaves no process, and showed no secret', async (_, start) => {
    const abort = new AbortController();
    const workspace = temporaryDirectory();
    let connected = (): void => undefined;
    const connection = new Promise<void>((resolve) => (connected = resolve));
    const port = await tcpServer(() => connected());
    const git = { sshKey: lab.key, token: lab.token };
    const fetching = fetchFrom(createSource(), `${start}:${port}/a`, {
      signal: abort.signal,
      git,
      workspace,
    });
    fetching.catch(() => undefined);
    await connection;
    const running = commandLines(String(port));
    expect(running.length).toBeGreaterThan(1);
    for (const line of running) expect(line).not.toContain(lab.token.reveal());
    const began = performance.now();
    abort.abort(new Error('cancelled'));
    await expect(fetching).rejects.toThrow('cancelled');
    expect(performance.now() - began).toBeLessThan(1500);
    expect(commandLines(String(port))).toEqual([]);
    expect(readdirSync(workspace)).toEqual([]);
  });

  test('while another build fetches ends at once, and the other goes on', async () => {
    const repository = createRepository();
    const revision = repository.commit({ a: 'a' });
    const toLab = proxyToLab();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let asked = (): void => undefined;
    const first = new Promise<void>((resolve) => (asked = resolve));
    const port = await httpServer((request, response) => {
      asked();
      void released.then(() => toLab(request, response));
    });
    const url = `http://127.0.0.1:${port}/public/${repository.name}.git`;
    const source = createSource();
    const slow = fetchFrom(source, url, { revision });
    await first;
    const abort = new AbortController();
    const waiting = fetchFrom(source, url, { revision, signal: abort.signal });
    waiting.catch(() => undefined);
    abort.abort(new Error('cancelled'));
    await expect(waiting).rejects.toThrow('cancelled');
    release();
    expect(await readText((await slow).tree, 'a')).toBe('a');
  });

  test('and a disposal end what still reads', async () => {
    const repository = createRepository();
    repository.commit({ big: noise(20_000_000) });
    for (const end of ['abort', 'dispose'] as const) {
      const dataDirectory = temporaryDirectory();
      const abort = new AbortController();
      const source = createSource({ dataDirectory });
      const fetched = await fetchFrom(source, fileUrl(repository), { signal: abort.signal });
      const files = (await fetched.tree.entries()).filter((entry) => entry.type === 'file');
      const reading = fetched.tree.read(files)[Symbol.asyncIterator]();
      const { value } = await reading.next();
      const chunks = value!.chunks[Symbol.asyncIterator]();
      await chunks.next();
      expect(environments(dataDirectory)).toBe(1);
      if (end === 'abort') abort.abort(new Error('cancelled'));
      else await fetched[Symbol.asyncDispose]();
      await expect(
        (async () => {
          for (;;) if ((await chunks.next()).done === true) return;
        })(),
      ).rejects.toThrow();
      expect(environments(dataDirectory)).toBe(0);
    }
  });
});

test('keys lie in the workspace, readable for the runner alone, and go with the source', async () => {
  const repository = createRepository();
  repository.commit({ a: 'a' });
  const workspace = temporaryDirectory();
  const fetched = await fetchFrom(createSource(), sshUrl(repository), { workspace });
  const [scratch = ''] = readdirSync(workspace);
  expect(statSync(join(workspace, scratch, 'key')).mode & 0o777).toBe(0o600);
  await fetched[Symbol.asyncDispose]();
  expect(readdirSync(workspace)).toEqual([]);
  await fetched[Symbol.asyncDispose]();
});

test('nothing that was lent is written to the mirror', async () => {
  const repository = createRepository();
  const revision = repository.commit({ a: 'a' });
  repository.commit({ a: 'b' });
  const dataDirectory = temporaryDirectory();
  const source = createSource({ dataDirectory });
  const git = { username: lab.username, token: lab.token };
  await fetchFrom(source, httpUrl('private', repository), { revision: revision.slice(0, 10), git });
  const found = execFileSync('sh', ['-c', 'grep -rlF "$TOKEN" . || true'], {
    cwd: dataDirectory,
    env: { ...process.env, TOKEN: lab.token.reveal() },
  });
  expect(found.toString()).toBe('');
});

function storeOf(dataDirectory: string): string {
  const root = join(dataDirectory, 'git');
  const [mirror = ''] = readdirSync(root);
  return join(root, mirror, 'tips.git');
}

function leftovers(dataDirectory: string): string[] {
  return readdirSync(join(storeOf(dataDirectory), '..')).filter(
    (name) => !name.endsWith('.git') && name !== 'dates',
  );
}

/** Until no git waits for the next reader any more. */
async function endGit(store: string): Promise<void> {
  await vi.waitFor(() => expect(environments(store)).toBe(0), { timeout: 30_000, interval: 20 });
}

function packs(store: string): string[] {
  const directory = join(store, 'objects/pack');
  return readdirSync(directory)
    .filter((name) => name.endsWith('.pack'))
    .map((name) => join(directory, name));
}

function overwrite(file: string, content: string | Buffer = 'garbage'.repeat(100)): void {
  rmSync(file);
  writeFileSync(file, content);
}

/** Text that does not compress. */
function noise(length: number): string {
  let state = 1;
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    bytes[i] = 33 + ((state >> 16) % 90);
  }
  return bytes.toString('latin1');
}

/** Command lines of the processes that have `text` in them. */
function commandLines(text: string): string[] {
  return processes('cmdline').filter((line) => line.includes(text));
}

/** How many git processes work on what lies below `directory`. */
function environments(directory: string): number {
  return processes('environ').filter((text) => text.includes(`GIT_DIR=${directory}`)).length;
}

function processes(file: 'cmdline' | 'environ'): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return []; // it has ended
      }
    });
}
