import { randomBytes, randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRepository, type Repository } from '../scenarios/repository.js';
import { run } from '../scenarios/run.js';
import { mountExt4, mountMemory, type SmallDisk } from './small-disk.js';
import { base, createWorld, expectVerdict, resultOf, type World } from './world.js';

/** Text that packs to about as many bytes. */
const noise = (bytes: number) => randomBytes((bytes * 3) / 4).toString('base64');
const full = (step: string) => ({ code: 69, failure: { code: 'DISK_FULL', step }, line: /disk full/ });

describe('a full disk of the runner', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it('where mirrors lie', async () => {
    await using large = await createRepository({ Dockerfile: `FROM ${base()}\n`, noise: noise(8e6) });
    await using disk = await mountMemory(join(world.data, 'git'), {});
    const output = await world.build(`--no-push --repo ${large.url}`).ended;
    expectVerdict(output, full('source'));
    expect((await readdir(disk.directory, { recursive: true })).filter((name) => /tmp_/.test(name))).toEqual(
      [],
    );
    await world.expectSound();
  });

  it('where what a builder leaves is spooled', async () => {
    await using _disk = await mountMemory(join(world.data, 'scratch'), {});
    const output = await world.build(
      `--no-push --builder-image ${base()} --builder-command 'dd if=/dev/zero of=large bs=1M count=8 && ls -l large' --extract /project`,
    ).ended;
    expectVerdict(output, full('builder'));
    await world.expectSound();
  });

  it('where a build has its directory', async () => {
    {
      await using _disk = await mountMemory(join(world.data, 'scratch'), { files: 1 });
      const output = await world.build('--no-push').ended;
      expectVerdict(output, { code: 69, failure: { code: 'DISK_FULL' }, line: /disk full: ENOSPC.*scratch/ });
    }
    await world.expectSound();
  });
});

describe('a full disk of the engine', () => {
  let disk: SmallDisk;
  let world: World;
  let large: Repository;
  const place = () => join(disk.directory, 'lab');
  const host = () => `unix://${place()}/docker.sock`;
  const lab = (verb: string) =>
    run('test/lab/lab', [verb], { env: { BUILDBOT_LAB: place(), DOCKER_HOST: 'unix:///dev/null' } });
  beforeAll(async () => {
    disk = await mountExt4(300);
    await lab('up');
    world = await createWorld(
      { DOCKER_HOST: host() },
      {
        'run.Dockerfile': `FROM ${base()}\nARG MARK\nRUN dd if=/dev/zero of=/large bs=1M; echo $MARK; exit 3\n`,
      },
    );
    large = await createRepository({ Dockerfile: `FROM ${base()}\nCOPY noise /\n`, noise: noise(30e6) });
  });
  afterAll(async () => {
    await large[Symbol.asyncDispose]();
    await world[Symbol.asyncDispose]();
    await lab('down');
    await disk[Symbol.asyncDispose]();
  });
  const next = async () => {
    const output = await world.build(`--no-push --build-arg MARK=${randomUUID()}`).ended;
    expect(resultOf(output)).toMatchObject({ exitCode: 0 });
    expect(await world.remains()).toEqual([]);
    expect(await run('docker', ['-H', host(), 'ps', '-aq'])).toBe('');
    expect(await run('docker', ['-H', host(), 'images', '-q', 'buildbot-build'])).toBe('');
  };

  it('a COPY', async () => {
    // What is left is less than the file.
    await run('sh', [
      '-c',
      `fallocate -l $(($(df --output=avail -B1 ${disk.directory} | tail -1) - 20000000)) ${disk.directory}/ballast`,
    ]);
    expectVerdict(await world.build(`--no-push --repo ${large.url}`).ended, full('image'));
    await next();
  });

  it('a RUN, a builder and a test that fill it: theirs, with a hint', async () => {
    const hint = /disk full, it says/;
    const fill = 'dd if=/dev/zero of=/large bs=1M; exit 3';
    const failed = (step: string, code: string) => ({
      code: 1,
      failure: { code, step, commandExitCode: 3 },
      line: hint,
    });
    expectVerdict(
      await world.build('--no-push -f run.Dockerfile').ended,
      failed('image', 'DOCKERFILE_FAILED'),
    );
    await next();
    expectVerdict(
      await world.build(`--no-push --builder-image ${base()} --builder-command '${fill}'`).ended,
      failed('builder', 'BUILDER_FAILED'),
    );
    expectVerdict(await world.build(`--no-push --test '${fill}'`).ended, failed('test', 'TEST_FAILED'));
    await next();
  });

  it('the files of a builder', async () => {
    const output = await world.build(
      `--no-push --repo ${large.url} --builder-image ${base()} --builder-command true`,
    ).ended;
    expectVerdict(output, full('builder'));
    await next();
  });
});
