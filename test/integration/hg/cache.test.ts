import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpServer, tcpServer } from '../git/servers.js';
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
import { proxyTo } from './servers.js';

describe('at the same time', () => {
  test('many builds of one repository each get their revision', async () => {
    const repository = createRepository();
    const ids = Array.from({ length: 4 }, (_, i) => repository.commit({ a: String(i) }));
    const source = createSource();
    const wanted = Array.from({ length: 8 }, (_, i) => i % 4);
    const texts = await Promise.all(
      wanted.map(async (i) =>
        readText((await fetchFrom(source, sshUrl(repository), { revision: ids[i]! })).tree, 'a'),
      ),
    );
    expect(texts).toEqual(wanted.map(String));
  });

  test('those who want the same revision share one pull', async () => {
    const repository = createRepository();
    const revision = repository.commit({ a: 'a' });
    const requests: string[] = [];
    const toLab = proxyTo(lab.http);
    const port = await httpServer((request, response) => {
      requests.push(request.url ?? '');
      toLab(request, response);
    });
    const url = `http://127.0.0.1:${port}/public/${repository.name}`;
    await fetchFrom(createSource(), url, { revision });
    const ofOne = requests.splice(0).length;
    const fresh = createSource();
    await Promise.all(Array.from({ length: 8 }, () => fetchFrom(fresh, url, { revision })));
    expect(requests.length).toBe(ofOne);
  });
});

describe('what is lost costs time, not a build', () => {
  const damages: [string, (store: string) => void][] = [
    [
      'its changelog is garbage',
      (store) => writeFileSync(join(store, '00changelog.i'), 'garbage'.repeat(99)),
    ],
    ['its manifests are cut', (store) => truncateSync(join(store, '00manifest.i'), 40)],
    ['its files are gone', (store) => rmSync(join(store, 'data'), { recursive: true })],
    ['a file is garbage', (store) => writeFileSync(join(store, 'data/a.i'), 'garbage'.repeat(99))],
    ['a byte of a file is another one', (store) => flip(join(store, 'data/big.d'))],
    ['it is of a kind that nobody knows', (store) => writeFileSync(join(store, '../requires'), 'nonsense\n')],
    ['it is gone', (store) => rmSync(join(store, '../..'), { recursive: true })],
    [
      'an interrupted pull left its journal',
      (store) => writeFileSync(join(store, 'journal'), '00changelog.i\x000\n'),
    ],
  ];

  test.each(damages)('%s: known and unknown revisions are fetched', async (_, damage) => {
    const repository = createRepository();
    const big = noise(500_000);
    const known = repository.commit({ a: '1', big });
    const unknown = repository.commit({ a: '2' });
    for (const revision of [known, unknown]) {
      const dataDirectory = temporaryDirectory();
      const source = createSource({ dataDirectory });
      await fetchFrom(source, fileUrl(repository), { revision: known });
      damage(storeOf(dataDirectory));
      const { tree } = await fetchFrom(source, fileUrl(repository), { revision });
      const contents = await readAll(tree);
      expect(contents.get('a')?.toString()).toBe(revision === known ? '1' : '2');
      expect(contents.get('big')?.toString() === big).toBe(true);
      expect(readdirSync(join(dataDirectory, 'hg')).length).toBe(1);
    }
  });

  test('by many builds that notice at once', async () => {
    const repository = createRepository();
    const revision = repository.commit({ a: 'a' });
    const dataDirectory = temporaryDirectory();
    const source = createSource({ dataDirectory });
    await fetchFrom(source, fileUrl(repository), { revision });
    writeFileSync(join(storeOf(dataDirectory), 'data/a.i'), 'garbage'.repeat(99));
    const texts = await Promise.all(
      Array.from({ length: 6 }, async () =>
        readText((await fetchFrom(source, fileUrl(repository), { revision })).tree, 'a'),
      ),
    );
    expect(new Set(texts)).toEqual(new Set(['a']));
  });
});

describe('an abort', () => {
  test.each([
    ['ssh', 'ssh://hg@127.0.0.1'],
    ['http', 'http://127.0.0.1'],
  ])('of a %s forge that does not answer leaves no process, and showed no secret', async (_, start) => {
    const abort = new AbortController();
    const workspace = temporaryDirectory();
    const { promise, port } = await silentServer();
    const git = { sshKey: lab.key, token: lab.token };
    const fetching = fetchFrom(createSource(), `${start}:${port}/a`, {
      signal: abort.signal,
      git,
      workspace,
    });
    fetching.catch(() => undefined);
    await promise;
    const running = commandLines(String(port));
    expect(running.length).toBeGreaterThan(0);
    for (const line of running) expect(line).not.toContain(lab.token.reveal());
    const [scratch = ''] = readdirSync(workspace);
    expect(statSync(join(workspace, scratch, 'hgrc')).mode & 0o777).toBe(0o600);
    const began = performance.now();
    abort.abort(new Error('cancelled'));
    await expect(fetching).rejects.toThrow('cancelled');
    expect(performance.now() - began).toBeLessThan(1500);
    expect(commandLines(String(port))).toEqual([]);
    expect(readdirSync(workspace)).toEqual([]);
  });

  test('while files are copied leaves nothing', async () => {
    const repository = createRepository();
    const revision = repository.commit({ big: noise(20_000_000) });
    const dataDirectory = temporaryDirectory();
    const source = createSource({ dataDirectory });
    await fetchFrom(source, fileUrl(repository), { revision });
    const [workspace, scratch] = [temporaryDirectory(), temporaryDirectory()];
    const abort = new AbortController();
    const fetching = fetchFrom(source, fileUrl(repository), {
      ...{ revision, workspace, scratch, signal: abort.signal },
    });
    fetching.catch(() => undefined);
    await expect.poll(() => commandLines(dataDirectory).some((line) => line.includes('archive'))).toBe(true);
    abort.abort(new Error('cancelled'));
    await expect(fetching).rejects.toThrow('cancelled');
    expect(commandLines(dataDirectory)).toEqual([]);
    expect([readdirSync(workspace), readdirSync(scratch)]).toEqual([[], []]);
  });
});

test('nothing that was lent stays anywhere, and the copy goes with the source', async () => {
  const repository = createRepository();
  repository.commit({ a: 'a' });
  const [dataDirectory, workspace, scratch] = [
    temporaryDirectory(),
    temporaryDirectory(),
    temporaryDirectory(),
  ];
  const git = { username: lab.username, token: lab.token };
  const source = createSource({ dataDirectory });
  const fetched = await fetchFrom(source, httpUrl('private', repository), { git, workspace, scratch });
  expect(readdirSync(workspace)).toEqual([]);
  const found = execFileSync('sh', ['-c', 'grep -rlF "$TOKEN" . || true'], {
    cwd: dataDirectory,
    env: { ...process.env, TOKEN: lab.token.reveal() },
  });
  expect(found.toString()).toBe('');
  expect(readdirSync(scratch).length).toBe(1);
  await fetched[Symbol.asyncDispose]();
  await fetched[Symbol.asyncDispose]();
  expect(readdirSync(scratch)).toEqual([]);
});

async function silentServer(): Promise<{ promise: Promise<void>; port: number }> {
  let connected = (): void => undefined;
  const promise = new Promise<void>((resolve) => (connected = resolve));
  return { promise, port: await tcpServer(() => connected()) };
}

function storeOf(dataDirectory: string): string {
  const root = join(dataDirectory, 'hg');
  const [name = ''] = readdirSync(root);
  return join(root, name, '.hg/store');
}

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 0xff;
  writeFileSync(file, bytes);
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
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return []; // it has ended
      }
    })
    .filter((line) => line.includes(text));
}
