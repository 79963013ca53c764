import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDockerEngine } from '../../../src/adapters/docker/engine.js';
import { createSpools } from '../../../src/adapters/spool.js';
import type { StreamedEntry } from '../../../src/ports.js';
import { brokenTree, type MemoryFile, memoryTree } from '../../fakes/trees.js';
import { container, linesOf, temporaryVolume, unhindered } from './containers-lab.js';
import { baseImage, failureOf, imageSpec, recorder } from './lab.js';

const long = `${'d'.repeat(150)}/${'f'.repeat(200)}`;
const odd: Record<string, MemoryFile | { symlink: string }> = {
  'run.sh': { content: '#!/bin/sh\n', mode: 0o755, mtime: 1 },
  setuid: { content: 's', mode: 0o4755 },
  secret: { content: 'x', mode: 0o600 },
  [long]: 'long',
  'ünï/日本 \u{1f600}, x\ny': 'strange',
  ' lead and trail ': 'blank',
  '.wh.hidden': 'no whiteout',
  '-n': 'dash',
  empty: '',
  big: Buffer.alloc(700_000, 'b'),
  'a/link': { symlink: '../run.sh' },
  'a/dangling': { symlink: '/no/such' },
  'a/far': { symlink: `${'t'.repeat(150)}/é` },
  'a-b': 'sorts after what a holds',
};

test('a tree comes back as it went in', async () => {
  const tree = memoryTree(odd);
  await using made = await container({ command: 'find /made/up -user 0 | wc -l; ls -ld /made' });
  await made.put(tree, '/made/up/', unhindered);
  await made.run(made.io);
  expect(made.io.stdout()).toMatch(new RegExp(`^${(await tree.entries()).length + 2}\n`));
  expect(made.io.stdout()).toMatch(/^drwxr-xr-x .* \/made$/m);
  const directory = await mkdtemp(join(tmpdir(), 'spool-test-'));
  await using spooled = await createSpools().spool(made.read('/made/up', unhindered), directory);
  expect(await spooled.entries()).toEqual(await tree.entries());
  const files = (await spooled.entries()).filter((entry) => entry.type === 'file');
  const content = async function* () {
    for await (const file of spooled.read(files)) yield file;
  };
  const original = async function* () {
    yield* tree.read((await tree.entries()).filter((entry) => entry.type === 'file'));
  };
  expect(await linesOf(content())).toEqual(await linesOf(original()));
  await rm(directory, { recursive: true });
});

test('what the image has at the path stays, as it was', async () => {
  await using made = await container({ command: 'stat -c "%a %n" /tmp /tmp/new /etc; ls /etc' });
  await made.put(memoryTree({ new: 'x' }), '/tmp', unhindered);
  await made.put(memoryTree({ 'etc/new': 'x' }), '/', unhindered);
  await made.put(memoryTree({}), '/none/there', unhindered);
  await made.run(made.io);
  expect(made.io.stdout()).toMatch(/^1777 \/tmp\n644 \/tmp\/new\n755 \/etc\n/);
  expect(made.io.stdout()).toMatch(/passwd/);
  expect(await linesOf(made.read('/none/there', unhindered))).toEqual([]);
});

test('a tree that cannot be read fails as it does', async () => {
  await using made = await container({ command: 'true' });
  const putting = made.put(brokenTree({ a: '1' }, new Error('the disk is gone')), '/project', unhindered);
  await expect(putting).rejects.toThrow('the disk is gone');
});

test('hard links are the files that they name, wherever they begin', async () => {
  const script = `mkdir -p /p/d/e && cd /p && echo small >a && ln a d/b && ln a d/e/c && ln -s a s && ln s d/t
    head -c 9000000 /dev/zero >big && ln big d/big2 && ln big d/e/big3 && echo d >d/only && ln d/only d/zonly`;
  await using made = await container({ command: script });
  expect(await made.run(made.io)).toEqual({ exitCode: 0 });
  const names = async (path: string) => {
    const found: string[] = [];
    for await (const { entry, chunks } of made.read(path, unhindered)) {
      const hash = createHash('md5');
      for await (const chunk of chunks ?? []) hash.update(chunk);
      if (entry.type === 'file') found.push(`${entry.path} ${entry.size} ${hash.digest('hex').slice(0, 4)}`);
      if (entry.type === 'symlink') found.push(`${entry.path} -> ${entry.target}`);
    }
    return found.sort();
  };
  const big = `9000000 ${createHash('md5').update(Buffer.alloc(9_000_000)).digest('hex').slice(0, 4)}`;
  const small = `6 ${createHash('md5').update('small\n').digest('hex').slice(0, 4)}`;
  const only = `2 ${createHash('md5').update('d\n').digest('hex').slice(0, 4)}`;
  expect(await names('/p')).toEqual(
    [
      `a ${small}`,
      `big ${big}`,
      `d/b ${small}`,
      `d/big2 ${big}`,
      `d/e/big3 ${big}`,
      `d/e/c ${small}`,
      `d/only ${only}`,
      'd/t -> a',
      `d/zonly ${only}`,
      's -> a',
    ].sort(),
  );
  expect(await names('/p/d/e')).toEqual([`big3 ${big}`, `c ${small}`]);
  expect(await names('/p/d/b')).toEqual([`b ${small}`]);
});

test('a path is followed to where it leads', async () => {
  const script =
    'mkdir -p /real/sub && echo x >/real/f && ln -s /real /link && ln -s link /again && ln -s /real/f /file';
  await using made = await container({ command: script });
  await made.run(made.io);
  const names = async (path: string) =>
    (await linesOf(made.read(path, unhindered))).map((line) => line.replace(/ [^]*$/, '')).sort();
  for (const path of ['/real', '/real/', '/real/.', 'real', '/link', '/again/', '/again/../real']) {
    expect(await names(path)).toEqual(['f', 'sub/']);
  }
  expect(await names('/file')).toEqual(['file']);
  expect(await names('/link/f')).toEqual(['f']);
  expect(await names('/')).toEqual(expect.arrayContaining(['bin/busybox', 'real/', 'real/f', 'link']));
});

test('a path that is not there is named, a device is none', async () => {
  const script = 'mkdir /p && cd /p && echo x >f && mkfifo pipe && mknod null c 1 3 && ln -s gone dangling';
  await using made = await container({ command: script });
  await made.run(made.io);
  for (const path of ['/nothing', '/p/f/below', '/p/f/below/that', '/p/dangling', '/p/pipe', '/p/null']) {
    const failure = await failureOf(linesOf(made.read(path, unhindered)));
    expect(failure).toMatchObject({ code: 'EXTRACT_NOT_FOUND', exitCode: 2 });
    expect(failure.message).toContain(path);
  }
  const paths = (await linesOf(made.read('/p', unhindered))).map((line) => line.split(' ')[0]);
  expect(paths).toEqual(['dangling', 'f']);
  expect(made.io.events.filter(({ type }) => type === 'warning')).toEqual([
    { type: 'warning', message: 'left out of /p: 2 of its entries, which are pipes or devices' },
  ]);
});

test('a name that is not UTF-8 is refused rather than changed', async () => {
  await using made = await container({ command: `mkdir /p && touch "/p/$(printf 'b\\377d')"` });
  await made.run(made.io);
  const failure = await failureOf(linesOf(made.read('/p', unhindered)));
  expect(failure.code).toBe('TREE_INVALID');
});

test('whoever stops reading gets on, and disposing does not wait for who reads', async () => {
  const script = 'mkdir /p && cd /p && for i in 1 2 3; do head -c 50000000 /dev/zero >$i; done';
  const made = await container({ command: script });
  await made.run(made.io);
  const paths: string[] = [];
  for await (const { entry, chunks } of made.read('/p', unhindered)) {
    paths.push(entry.path);
    for await (const chunk of chunks ?? []) if (chunk.length > 0) break;
  }
  expect(paths).toEqual(['1', '2', '3']);
  for await (const { entry } of made.read('/p', unhindered)) if (entry.path === '1') break;
  const reading = made.read('/p', unhindered)[Symbol.asyncIterator]();
  await reading.next();
  const began = Date.now();
  await made[Symbol.asyncDispose]();
  expect(Date.now() - began).toBeLessThan(5000);
  await expect(reading.next()).rejects.toThrow();
});

test('20,000 files and 300 MB pass both ways in flat memory', async () => {
  const files = Array.from({ length: 20_000 }, (_, i) => [`d${i % 100}/e${i % 7}/file-${i}`, `${i}\n`]);
  const tree = memoryTree(Object.fromEntries(files) as Record<string, string>);
  await using made = await container({ command: 'cd /p && head -c 300000000 /dev/urandom >big' });
  await made.put(tree, '/p', unhindered);
  await made.run(made.io);
  const before = process.memoryUsage().rss;
  let peak = 0;
  const watched = async function* (): AsyncGenerator<StreamedEntry> {
    for await (const streamed of made.read('/p', unhindered)) {
      yield streamed;
      peak = Math.max(peak, process.memoryUsage().rss);
    }
  };
  const directory = await mkdtemp(join(tmpdir(), 'spool-test-'));
  await using spooled = await createSpools().spool(watched(), directory);
  expect(peak - before).toBeLessThan(100e6);
  const entries = await spooled.entries();
  expect(entries.filter((entry) => entry.path !== 'big')).toEqual(await tree.entries());
  expect(entries.find((entry) => entry.path === 'big')).toMatchObject({ size: 300_000_000 });
  await rm(directory, { recursive: true });
}, 120_000);

describe('files for an image with a user of its own', () => {
  const engine = createDockerEngine({ buildkit: 'no' });
  const adduser =
    'RUN echo app:x:1234:1234::/:/bin/sh >> /etc/passwd && echo crew:x:77: >> /etc/group && mkdir -m 711 /own';
  const script = 'id -u; id -g; stat -c %A /project /project/run /kept; touch /project/x /kept/x && ./run';

  test.each([
    ['app', '1234\n1234\n'],
    ['app:crew', '1234\n77\n'],
    ['1234', '1234\n1234\n'],
    ['4321', '4321\n0\n'],
    ['4321:55', '4321\n55\n'],
  ])('USER %s can write them, where they lie and in its caches', async (user, ids) => {
    const spec = imageSpec({ dockerfile: `FROM ${baseImage()}\n${adduser}\nUSER ${user}\n` });
    await engine.build(spec, recorder());
    await using volume = await temporaryVolume();
    try {
      const caches = new Map([[volume.name, '/kept']]);
      const change = { image: spec.tag, command: script, workingDirectory: '/project', caches };
      await using made = await container(change);
      const tree = memoryTree({ run: { content: 'echo ran > made && cat made\n', mode: 0o755 } });
      await made.put(tree, '/project', unhindered);
      expect([await made.run(made.io), made.io.stderr()]).toEqual([{ exitCode: 0 }, '']);
      expect(made.io.stdout()).toBe(`${ids}drwxr-xr-x\n-rwxr-xr-x\ndrwxr-xr-x\nran\n`);
    } finally {
      await engine.untag(spec.tag);
    }
  });

  test('a directory that is there keeps its mode', async () => {
    const spec = imageSpec({ dockerfile: `FROM ${baseImage()}\n${adduser}\nUSER app\n` });
    await engine.build(spec, recorder());
    try {
      await using made = await container({ image: spec.tag, command: 'stat -c "%u %a" /own' });
      await made.put(memoryTree({ a: '' }), '/own', unhindered);
      await made.run(made.io);
      expect(made.io.stdout()).toBe('1234 711\n');
    } finally {
      await engine.untag(spec.tag);
    }
  });
});
