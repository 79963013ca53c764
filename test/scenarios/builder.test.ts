import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultSchema, type BuildResult } from '../../src/model/result.js';
import { lab } from '../lab/environment.js';
import { docker, engineCan, leftovers, outputOfImage } from './engine.js';
import { growth, MOST_GROWTH } from './memory.js';
import { createRepository, credentials } from './repository.js';
import { startRunner, type Output, type Runner } from './runner.js';

const base = () => lab('LAB_BASE_IMAGE');
const resultOf = ({ stdout }: Output): BuildResult => resultSchema.parse(JSON.parse(stdout));

describe('builder containers', () => {
  let runner: Runner;
  beforeAll(async () => {
    runner = await startRunner({ BUILDBOT_BUILD_MEMORY: '64m' });
  });
  afterAll(() => runner[Symbol.asyncDispose]());

  const build = (url: string, flags: string, document = credentials()) =>
    runner.ssh(`build --repo ${url} --no-push --output result --credentials - ${flags}`, { input: document });

  it.each([
    ['one file of 300 MB', 'head -c 300000000 /dev/zero > big', 'wc -c < /out/big', '300000000'],
    [
      '20,000 files',
      'i=0; while [ $i -lt 20000 ]; do echo $i > f$i; i=$((i+1)); done',
      'ls /out | wc -l',
      '20001',
    ],
  ])(
    'carry %s, and the memory of the runner stays flat',
    { timeout: 180_000 },
    async (_, make, check, expected) => {
      await using own = await startRunner();
      await using repository = await createRepository({ Dockerfile: `FROM ${base()}\nCOPY . /out\n` });
      const name = `buildbot-scenario/${randomUUID()}`;
      const command = `"mkdir made && cd made && ${make}"`;
      const output = await own.ssh(
        `build --repo ${repository.url} --image ${name} -t x --no-push --builder-image ${base()} --builder-command '${command.slice(1, -1)}' --extract /project/made --credentials -`,
        {
          input: credentials(),
        },
      );
      expect(output.stderr).toBe('');
      expect((await outputOfImage(`${name}:x`, ['sh', '-c', check])).trim()).toBe(expected);
      await docker.getImage(`${name}:x`).remove();
      expect(await growth(own)).toBeLessThan(MOST_GROWTH);
    },
  );

  it('fail with the exit code of their command, or because of the memory that they took', async () => {
    await using repository = await createRepository({ Dockerfile: `FROM ${base()}\n` });
    const failed = await build(
      repository.url,
      `--builder-image ${base()} --builder-command 'echo out; echo err >&2; exit 9'`,
    );
    expect(failed.stderr).toMatch(/out\n[^]*err\n|err\n[^]*out\n/);
    expect(resultOf(failed)).toMatchObject({
      exitCode: 1,
      failure: { step: 'builder', code: 'BUILDER_FAILED', commandExitCode: 9 },
    });
    const killed = await build(
      repository.url,
      `--builder-image ${base()} --builder-command 'tail /dev/zero'`,
    );
    expect(resultOf(killed).failure?.message).toMatch(/out of memory, limit 64 MB/);
    const missing = await build(
      repository.url,
      `--builder-image ${base()} --builder-command true --extract /nope`,
    );
    expect(resultOf(missing)).toMatchObject({ exitCode: 2, failure: { code: 'EXTRACT_NOT_FOUND' } });
    expect(await leftovers(runner)).toEqual([]);
  });

  it('keep what they are told to keep, for the same repository alone', async () => {
    await using repository = await createRepository({ Dockerfile: `FROM ${base()}\n` });
    await using other = await createRepository({ Dockerfile: `FROM ${base()}\n` });
    const flags = `--builder-image ${base()} --builder-cache /cache --builder-command 'echo kept: $(cat /cache/x 2>/dev/null); date +%s%N > /cache/x'`;
    const kept = async (url: string) => /kept: ?(\d*)/.exec((await build(url, flags)).stderr)![1];
    const first = await kept(repository.url);
    expect(first).toBe('');
    expect(await kept(repository.url)).toMatch(/^\d+$/);
    expect(await kept(other.url)).toBe('');
  });

  it('make the same context and the same labels of the same revision, whenever they run', async () => {
    await using repository = await createRepository({
      'build.sh': `#build_inside_docker_image=${base()}\necho $SOURCE_DATE_EPOCH > epoch; date > /dev/null\n`,
      Dockerfile: `FROM ${base()}\nARG SOURCE_DATE_EPOCH\nCOPY . /out\nRUN echo $SOURCE_DATE_EPOCH\n`,
    });
    const [one, two] = [resultOf(await build(repository.url, '')), resultOf(await build(repository.url, ''))];
    if (engineCan.orderLabels) expect(one.images[0]?.id).toBe(two.images[0]?.id);
    const layers = async ({ images }: BuildResult) =>
      (await docker.getImage(images[0]!.id).inspect()).RootFS.Layers;
    expect(await layers(one)).toEqual(await layers(two));
    // Without BuildKit's cache: the same configuration, but for the times that the engine writes.
    const configuration = async (id: string) => {
      const { Config, Architecture, Os } = await docker.getImage(id).inspect();
      return { Config, Architecture, Os };
    };
    const names = ['a', 'b'].map((host) => `${host}.example/scenario:x`);
    for (const name of names) expect((await build(repository.url, `-t ${name} --no-cache`)).code).toBe(0);
    expect(await configuration(names[0]!)).toEqual(await configuration(names[1]!));
    const times = await outputOfImage(names[0]!, [
      'sh',
      '-c',
      'stat -c %Y /out/epoch /out/VERSION /out/Dockerfile | sort -u; cat /out/epoch',
    ]);
    const epoch = String(Date.parse(one.source!.committedAt) / 1000);
    expect(times).toBe(`${epoch}\n${epoch}\n`);
    for (const name of names) await docker.getImage(name).remove();
  });
});

describe('hostile repositories and requests', () => {
  let runner: Runner;
  beforeAll(async () => {
    runner = await startRunner();
  });
  afterAll(() => runner[Symbol.asyncDispose]());

  it.each<[string, Record<string, string | { symlink: string }>, string, number, string]>([
    [
      'an anchor bomb',
      {
        'build.yml': `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]\n`,
      },
      '',
      2,
      'BUILD_YML_INVALID',
    ],
    ['10 MB of YAML', { 'build.yml': 'a: x\n'.repeat(2_000_000) }, '', 2, 'BUILD_YML_INVALID|TREE_INVALID'],
    ['an unknown key', { 'build.yml': 'app:\n  registr: x\n' }, '', 2, 'BUILD_YML_INVALID'],
    [
      'a path that leads out',
      { 'build.yml': 'app: { dockerfilePath: ../../etc }\n' },
      '',
      2,
      'BUILD_YML_INVALID',
    ],
    ['an absolute path', { 'build.yml': 'app: { dockerfilePath: /etc }\n' }, '', 2, 'BUILD_YML_INVALID'],
    ['a build.yml that links out of the tree', { 'build.yml': { symlink: '../x' } }, '', 2, 'TREE_INVALID'],
    ['a build.yml that is a directory', { 'build.yml/x': '' }, '', 2, 'TREE_INVALID'],
    ['a .dockerignore that links to nothing', { '.dockerignore': { symlink: 'x' } }, '', 2, 'TREE_INVALID'],
    [
      'a Dockerfile that links out of the tree',
      { Dockerfile: { symlink: '../../../etc/passwd' } },
      '',
      2,
      'DOCKERFILE_NOT_FOUND',
    ],
    [
      'a Dockerfile that links to itself',
      { Dockerfile: { symlink: 'Dockerfile' } },
      '',
      2,
      'DOCKERFILE_NOT_FOUND',
    ],
    ['a context that links out', { sub: { symlink: '/etc' } }, '--context-path sub', 2, 'CONTEXT_NOT_FOUND'],
    ['a tag of 129 characters', {}, `--image x -t ${'x'.repeat(129)}`, 2, 'USAGE'],
  ])('%s: one line, nothing left', async (_, files, flags, code, failure) => {
    await using repository = await createRepository({ Dockerfile: 'FROM scratch\n', ...files });
    const output = await runner.ssh(
      `build --repo ${repository.url} --no-push --output result --credentials - ${flags}`,
      { input: credentials() },
    );
    expect(output.code).toBe(code);
    expect(resultOf(output).failure?.code).toMatch(new RegExp(`^(?:${failure})$`));
    expect(output.stderr.match(/^(?:error|buildbot): .*$/gm)).toHaveLength(1);
    expect(await leftovers(runner)).toEqual([]);
  });

  it.each([
    '-oProxyCommand=touch',
    'ext::sh -c touch%20/tmp/x',
    'file:///etc',
    'gopher://x/y',
    'ssh://-oProxyCommand=x/y',
  ])('the repository %j', async (url) => {
    const output = await runner.ssh(`build "--repo=${url}" --no-push --output result`);
    expect([2, 3, 5]).toContain(output.code);
  });
});
