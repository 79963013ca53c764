import { execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { link, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultSchema } from '../../src/model/result.js';
import { lab } from '../lab/environment.js';
import { docker, leftovers, outputOfImage } from './engine.js';
import { growth, MOST_GROWTH } from './memory.js';
import { servedDigest } from './registry.js';
import { createRepository } from './repository.js';
import { run } from './run.js';
import { outputOf, startRunner, type Output, type Runner } from './runner.js';

const newImage = () => `${lab('LAB_REGISTRY')}/t/${randomUUID()}`;
const resultOf = ({ stdout }: Output) => resultSchema.parse(JSON.parse(stdout));

/** What `tar` makes of a directory. */
const tar = (directory: string, ...flags: string[]) =>
  execFileSync('tar', ['-C', directory, ...flags, '-c', '.'], { maxBuffer: 2 ** 28 });

describe('a context on stdin', () => {
  let runner: Runner;
  let directory: string;
  let context: string;

  async function write(name: string, files: Record<string, string>): Promise<string> {
    const root = join(directory, name);
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(root, path, '..'), { recursive: true });
      await writeFile(join(root, path), text);
    }
    return root;
  }

  beforeAll(async () => {
    runner = await startRunner({ BUILDBOT_MAX_CONTEXT: '700MB', BUILDBOT_MAX_CONTEXT_ENTRIES: '1000' });
    directory = await mkdtemp(join(tmpdir(), 'buildbot-context-'));
    context = await write('first', {
      Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}\nCOPY . /src\nRUN cd /src && cat 'a file.txt' b/hard ünï/日本 VERSION && test ! -e no.log\n`,
      '.dockerignore': '*.log\n',
      'a file.txt': 'one\n',
      'b/file': 'two\n',
      'ünï/日本': 'three\n',
      [`${'long'.repeat(40)}/${'name'.repeat(40)}`]: 'long\n',
      'no.log': 'ignored\n',
    });
    await link(join(context, 'b/file'), join(context, 'b/hard'));
  });

  afterAll(async () => {
    await runner[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const build = (input: string | Uint8Array, flags = '') =>
    runner.ssh(`build --context - --output result ${flags}`, { input });

  it('is built, plain or packed, in the forms that tar knows, to the same revision', async () => {
    const image = newImage();
    const plain = tar(context);
    const inputs = [
      plain,
      gzipSync(plain),
      tar(context, '--zstd'),
      tar(context, '--format=pax', '--sort=name'),
      tar(context, '--format=gnu', '--sort=name', '--owner=nobody'),
      Buffer.concat([plain, randomBytes(200_000)]),
    ];
    const outputs: Output[] = [];
    for (const input of inputs) outputs.push(await build(input, `--image ${image}`));
    for (const output of outputs) expect(output.code, output.stderr).toBe(0);
    const results = outputs.map(resultOf);
    const [{ source, images }] = results as [ReturnType<typeof resultOf>];
    expect(source).toMatchObject({
      repo: '-',
      author: '',
      revision: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    for (const result of results) expect(result.source!.revision).toBe(source!.revision);
    expect(outputs[0]!.stderr).toContain('one\n');
    expect(await servedDigest(`${image}:${source!.revision}`)).toBe(images[0]!.digest);
    expect(await leftovers(runner)).toEqual([]);
  });

  it('is what git archive gives', async () => {
    await using repository = await createRepository({
      Dockerfile: 'FROM scratch\nCOPY . /\n',
      'src/a': 'a',
      link: { symlink: '/nowhere' },
    });
    const archive = join(directory, 'archive.tar.gz');
    await repository.git('archive', '--format=tar.gz', '-o', archive, 'HEAD');
    const output = await build(await readFile(archive), '--no-push --tag t/archive:x');
    expect(output.code, output.stderr).toBe(0);
    await docker.getImage('t/archive:x').remove();
  });

  it('comes behind the credentials, with projects, a builder and a test', async () => {
    const [one, two] = [newImage(), `${lab('LAB_AUTH_REGISTRY')}/t/${randomUUID()}`];
    const root = await write('second', {
      'build.yml': `one:\n  image: ${one}\n  tags: [x]\n  dockerfilePath: one\n  secrets: [TOKEN]\n  after-build: ['test "$(cat /made)" = made']\ntwo:\n  image: ${two}\n  tags: ['{short}']\n  dockerfilePath: two\n`,
      'one/Dockerfile': `FROM ${lab('LAB_BASE_IMAGE')}\nCOPY made /made\n`,
      'one/build.sh': `#!/bin/sh\n#build_inside_docker_image=${lab('LAB_BASE_IMAGE')}\nprintf made > made\n`,
      'two/Dockerfile': 'FROM scratch\nCOPY file /\n',
      'two/file': 'file\n',
    });
    const login = `registries: { "${lab('LAB_AUTH_REGISTRY')}": { username: "${lab('LAB_AUTH_USERNAME')}", password: "${lab('LAB_AUTH_PASSWORD')}" } }`;
    const document = `---\n${login}\nsecrets: { TOKEN: hidden-token }\n---\n`;
    for (const packed of [tar(root), gzipSync(tar(root))]) {
      const output = await build(Buffer.concat([Buffer.from(document), packed]), '--credentials -');
      expect(output.code, output.stderr).toBe(0);
      const { source, images } = resultOf(output);
      const digestOf = (name: string) => images.find(({ project }) => project === name)!.digest;
      expect(await servedDigest(`${one}:x`)).toBe(digestOf('one'));
      expect(await servedDigest(`${two}:${source!.revision.slice(0, 7)}`, true)).toBe(digestOf('two'));
    }
    expect(await leftovers(runner)).toEqual([]);
    const without = await build(Buffer.concat([Buffer.from(`${login}\n`), tar(root)]), '--credentials -');
    expect(without.code).toBe(2);
    expect(without.stderr).toMatch(/^buildbot: the line '---' .*\(USAGE\)\n$/);
  });

  it('is planned', async () => {
    const output = await runner.ssh('plan --context - --image t/planned', { input: tar(context) });
    expect(output.code, output.stderr).toBe(0);
    expect(output.stdout).toMatch(/^image +t\/planned: Dockerfile from .*\npush +t\/planned:[0-9a-f]{64}$/m);
    expect(await leftovers(runner)).toEqual([]);
  });

  it.each([
    ['no tar', () => Buffer.from('hello\n'), 2, 'is no tar archive'],
    ['nothing', () => Buffer.alloc(0), 2, 'is empty'],
    ['a half', () => tar(context).subarray(0, 5000), 3, 'was cut off'],
    ['a half, packed', () => gzipSync(tar(context)).subarray(0, 500), 3, 'was cut off'],
    ['a device', () => execFileSync('tar', ['-C', '/', '-c', 'dev/null']), 2, "'dev/null' is a device"],
    ['what leads out', () => tar(context, '--transform=s,^./b/,b/../../,'), 2, 'leads out of it'],
    [
      'an absolute path',
      () => execFileSync('tar', ['-P', '-c', join(context, 'b')]),
      2,
      'is an absolute path',
    ],
    ['too much', () => gzipSync(Buffer.concat([bigHeader, Buffer.alloc(2 ** 20)])), 2, 'max-context'],
  ])('is refused in a line where it is %s', async (_, input, code, message) => {
    const output = await runner.ssh('build --context - --no-push --tag t/refused:x', { input: input() });
    expect(output.code).toBe(code);
    expect(output.stderr.split('\n').filter(Boolean)).toEqual([expect.stringContaining(message)]);
    expect(await leftovers(runner)).toEqual([]);
  });

  it('is refused beyond the number of entries', async () => {
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`f${i}`, '']));
    const output = await build(tar(await write('many', many)), '--no-push --tag t/many:x');
    expect(output.code).toBe(2);
    expect(output.stderr).toContain('BUILDBOT_MAX_CONTEXT_ENTRIES');
  });

  it('stands in place of --repo and what goes with it', async () => {
    for (const flags of ['--repo https://forge.example/a.git', '--revision main', '--submodules yes']) {
      const output = await runner.ssh(`build --context - ${flags}`);
      expect(output).toMatchObject({ code: 2, stderr: expect.stringContaining('--context -') as string });
    }
    expect((await runner.ssh('build --image t/x')).stderr).toContain('--context -');
  });

  it('of 300 MB is held neither in memory nor on the disk of the runner', async () => {
    const root = await write('large', { Dockerfile: 'FROM scratch\nCOPY small /\n', small: 'small' });
    for (const name of ['a', 'b', 'c']) {
      const out = createWriteStream(join(root, name));
      await pipeline(async function* () {
        for (let i = 0; i < 100; i++) yield randomBytes(2 ** 20);
      }, out);
    }
    const grown = async () => Number((await run('du', ['-sk', runner.data])).split('\t')[0]);
    const before = await grown();
    const child = runner.open('build --context - --no-push --tag t/large:x --output result');
    const output = outputOf(child);
    let [most, temporary] = [0, 0];
    const tarring = pipeline(async function* () {
      let sent = 0;
      for await (const chunk of spawn('tar', ['-C', root, '-c', '.']).stdout as AsyncIterable<Buffer>) {
        yield chunk;
        if ((sent += chunk.length) % (8 * 2 ** 20) > 2 ** 17) continue;
        most = Math.max(most, await grown());
        temporary = Math.max(
          temporary,
          (await readdir(tmpdir())).filter((name) => name.includes(`-${runner.pid}-`)).length,
        );
      }
    }, child.stdin);
    await tarring;
    const { code, stderr } = await output;
    expect(code, stderr).toBe(0);
    expect(most - before).toBeLessThan(1024);
    expect(temporary).toBe(0);
    expect(await growth(runner)).toBeLessThan(MOST_GROWTH);
    await docker.getImage('t/large:x').remove();
    expect(await leftovers(runner)).toEqual([]);
  });

  it.each(['SIGINT', 'SIGKILL'] as const)('whose client gets %s half way leaves nothing', async (signal) => {
    const child = runner.open('build --context - --no-push --tag t/lost:x');
    child.stdin.write(tar(context).subarray(0, 4000));
    const begun = new Promise<void>((resolve) => {
      child.stdout.on('data', (data: Buffer) => data.includes('STEP source') && resolve());
    });
    await begun;
    child.kill(signal);
    await expect
      .poll(async () => (await runner.ssh('status')).stdout, { timeout: 30_000 })
      .toMatch(/^0 of \d+ running, 0 of/);
    expect(await leftovers(runner)).toEqual([]);
  });

  it('whose client falls silent ends with the build', async () => {
    const child = runner.open('build --context - --no-push --tag t/idle:x --timeout 1s');
    child.stdin.write(tar(context).subarray(0, 4000));
    const { code, stderr } = await outputOf(child);
    expect(code).toBe(124);
    expect(stderr).toContain('(TIMEOUT)');
    expect(await leftovers(runner)).toEqual([]);
  });

  it('is not read before its build has its turn', async () => {
    await using single = await startRunner({ BUILDBOT_MAX_BUILDS: '1' });
    const first = single.open('build --context - --no-push --tag t/turn:1');
    const isIn = (text: string) =>
      expect.poll(async () => (await single.ssh('status')).stdout).toContain(text);
    await isIn('1 of 1 running');
    const second = single.open('build --context - --no-push --tag t/turn:2 --output result');
    const output = outputOf(second);
    await isIn('1 of 64 waiting');
    for (let i = 0; i < 96; i++) second.stdin.write(Buffer.alloc(2 ** 20));
    // What nobody reads stays with the client; others are answered meanwhile.
    for (let i = 0; i < 3; i++) await isIn('1 of 64 waiting');
    expect(second.stdin.writableLength).toBeGreaterThan(64 * 2 ** 20);
    first.kill();
    second.stdin.end();
    // An archive of zeros is an empty one.
    expect((await output).stderr).toContain('(DOCKERFILE_NOT_FOUND)');
  });

  it('leaves the image alone that it becomes', async () => {
    const output = await build(tar(context), '--no-push --tag t/kept:x');
    expect(output.code, output.stderr).toBe(0);
    expect(await outputOfImage('t/kept:x', ['cat', '/src/VERSION'])).toBe('x');
    const { Config } = await docker.getImage('t/kept:x').inspect();
    expect(Config.Labels).toHaveProperty(
      ['org.opencontainers.image.revision'],
      resultOf(output).source!.revision,
    );
    expect(Config.Labels).not.toHaveProperty(['org.opencontainers.image.source']);
    await docker.getImage('t/kept:x').remove();
  });
});

/** Of a file that is larger than the runner takes. */
const bigHeader = (() => {
  const header = Buffer.alloc(512);
  header.write('big', 0);
  header.write('0000644\0', 100);
  header.write((900 * 2 ** 20).toString(8).padStart(11, '0'), 124);
  header.write('0', 156);
  header.write('ustar\0', 257);
  const sum = header.reduce((total, byte) => total + byte, 8 * 32);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
})();
