import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultSchema } from '../../src/model/result.js';
import { lab } from '../lab/environment.js';
import { saidByRun } from './engine.js';
import { createRepository, credentials, type Repository } from './repository.js';
import { run } from './run.js';
import { outputOf, startRunner, type Runner } from './runner.js';

describe('a runner with an engine of its own', () => {
  let repository: Repository;
  let runner: Runner;
  beforeAll(async () => {
    repository = await createRepository({
      Dockerfile: `FROM ${lab('LAB_REGISTRY')}/base/busybox:1\nARG SECONDS=0\nRUN echo started; sleep $SECONDS; : ${randomUUID()}\n`,
    });
    runner = await startRunner({ BUILDBOT_ENGINE: 'embedded' });
  });
  afterAll(async () => {
    await runner[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
  });

  const command = (flags: string) =>
    `build --repo ${repository.url} --credentials - --output result ${flags}`;
  const build = (flags: string) => runner.ssh(command(flags), { input: credentials() });
  /** Process groups of dockerd that the runner has told of, the newest last. */
  const engines = () =>
    runner.log.flatMap(({ enginePid }) => (typeof enginePid === 'number' ? [enginePid] : []));
  const dockerd = async () => (await run('pgrep', ['-g', String(engines().at(-1)), 'dockerd'])).trim();
  const groupIsGone = (leader: number) =>
    run('pgrep', ['-g', String(leader)]).then(
      () => false,
      () => true,
    );

  it('builds and pushes with it, and a build whose engine is killed exits 69, the next one 0', async () => {
    const image = `${lab('LAB_REGISTRY')}/embedded/${randomUUID()}`;
    const pushed = await build(`--image ${image} -t 1`);
    expect(pushed.stderr).toMatch(saidByRun('started'));
    expect(pushed.code).toBe(0);

    const client = runner.open(command('--no-push --build-arg SECONDS=1000'), { input: credentials() });
    const ended = outputOf(client);
    let seen = '';
    client.stderr.on('data', (data: Buffer) => (seen += data.toString()));
    while (!saidByRun('started').test(seen)) await setTimeout(20);
    const [first] = engines();
    process.kill(Number(await dockerd()), 'SIGKILL');
    const { code, stdout } = await ended;
    expect(code).toBe(69);
    expect(resultSchema.parse(JSON.parse(stdout))).toMatchObject({ exitCode: 69 });
    // What ran in it went with it.
    expect(await groupIsGone(first!)).toBe(true);

    expect((await build('--no-push --no-cache')).code).toBe(0);
    expect(engines()).toHaveLength(2);
    await run('bin/buildbot', ['healthcheck'], {
      env: {
        BUILDBOT_ENGINE: 'embedded',
        BUILDBOT_DATA_DIR: runner.data,
        BUILDBOT_SSH_ADDRESS: `127.0.0.1:${runner.port}`,
      },
    });
  });

  it('leaves none behind: a killed runner, its successor, and the end', async () => {
    const left = engines().at(-1)!;
    await expect(
      run('bin/buildbot', ['serve'], {
        env: {
          BUILDBOT_ENGINE: 'embedded',
          BUILDBOT_DATA_DIR: runner.data,
          BUILDBOT_AUTHORIZED_KEYS: await readFile(join(runner.directory, 'key.pub'), 'utf8'),
        },
      }),
    ).rejects.toThrow('another runner with this data directory is up');
    // A dockerd that does not notice that its runner is dead.
    process.kill(Number(await dockerd()), 'SIGSTOP');
    await runner.stop('SIGKILL');
    expect(await groupIsGone(left)).toBe(false);
    const { data } = runner;
    const next = await startRunner({ BUILDBOT_ENGINE: 'embedded', BUILDBOT_DATA_DIR: data });
    expect(next.log).toContainEqual(
      expect.objectContaining({ msg: 'ended the engine that a dead runner had left' }),
    );
    expect(await groupIsGone(left)).toBe(true);
    const mine = next.log.find(({ enginePid }) => enginePid)!.enginePid as number;
    const mounts = await readFile(`/proc/${mine}/cmdline`, 'utf8');
    const runDirectory = /\/run\/buildbot\/[^\0]+/.exec(mounts)![0];
    expect(await next.stop()).toBe(0);
    expect(await groupIsGone(mine)).toBe(true);
    expect(existsSync(runDirectory)).toBe(false);
    expect(existsSync(`/sys/class/net/${runDirectory.split('/').at(-1)}`)).toBe(false);
    await next[Symbol.asyncDispose]();
  });
});
