import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lab } from '../lab/environment.js';
import { leftovers } from './engine.js';
import { createRepository, credentials } from './repository.js';
import { run } from './run.js';
import { outputOf, startRunner, type Runner } from './runner.js';

const dockerfile = () => `FROM ${lab('LAB_BASE_IMAGE')}\nRUN : ${randomUUID()}\n`;

describe('two runners on one data directory', () => {
  it('build the same private repository at once, and neither sweeps the other', async () => {
    await using repository = await createRepository({ Dockerfile: dockerfile() });
    await using one = await startRunner();
    const held = one.open(
      `build --repo ${repository.url} -t never.example/x:1 --no-push --test "sleep 1000" --credentials -`,
      { input: credentials() },
    );
    let seen = '';
    for await (const chunk of held.stdout) if (/\$ sleep 1000/.test((seen += String(chunk)))) break;
    // Its container and its image.
    await expect.poll(() => leftovers(one), { timeout: 60_000 }).toHaveLength(2);
    const running = await leftovers(one);

    await using two = await startRunner({ BUILDBOT_DATA_DIR: one.data, BUILDBOT_MAX_BUILDS: '4' });
    const revisions: string[] = [];
    for (let i = 0; i < 3; i++) revisions.push(await repository.commit({ file: String(i) }));
    const build = (runner: Runner, revision: string, i: number) =>
      runner.ssh(
        `build --repo ${repository.url} --revision ${revision} --image ${lab('LAB_REGISTRY')}/neighbours/${i}${revision} --output result --credentials -`,
        { input: credentials() },
      );
    const builds = await Promise.all(
      [one, two].flatMap((runner, i) => revisions.map((revision) => build(runner, revision, i))),
    );
    expect(builds.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual(builds.map(() => 0));
    expect(await leftovers(one)).toEqual(running);
    const hostKey = (runner: Runner) => readFile(join(runner.directory, 'known_hosts'), 'utf8');
    const keyOf = async (runner: Runner) => (await hostKey(runner)).split(' ').slice(1).join(' ');
    expect(await keyOf(two)).toBe(await keyOf(one));

    const health = await run('bin/buildbot', ['healthcheck'], {
      env: { BUILDBOT_DATA_DIR: one.data, BUILDBOT_SSH_ADDRESS: `127.0.0.1:${one.port}` },
    });
    expect(
      health.match(/^\d of \d+ running, 0 of 64 waiting\nengine: \w+ \S+\ndisk: .* free; caches: .*$/gm),
    ).toHaveLength(2);
    expect(health).toContain('1 of');
    await one.stop('SIGKILL');
    await outputOf(held).catch(() => undefined);
    await using _three = await startRunner({ BUILDBOT_DATA_DIR: one.data });
    expect((await leftovers(one)).filter((name) => running.includes(name))).toEqual([]);
    expect((await two.ssh('status')).code).toBe(0);
  });
});

describe('status and healthcheck', () => {
  it('tells engine, disk, and the last error to whom may see it', async () => {
    await using repository = await createRepository({ Dockerfile: 'FROM never.example/none:1\n' });
    await using runner = await startRunner();
    const failed = await runner.ssh(
      `build --id wrong --repo ${repository.url} -t never.example/x:1 --no-push --credentials -`,
      { input: credentials() },
    );
    expect(failed.code).toBe(1);
    const { stdout } = await runner.ssh('status --output json');
    expect(JSON.parse(stdout)).toEqual({
      capacity: expect.objectContaining({ running: 0, queued: 0, draining: false }),
      builds: [],
      engine: {
        reachable: true,
        name: expect.stringMatching(/^(docker|podman)$/),
        version: expect.any(String),
        checkedAt: expect.any(String),
      },
      disk: {
        free: expect.any(Number),
        total: expect.any(Number),
        caches: expect.objectContaining({ limit: 20 * 2 ** 30 }),
      },
      lastError: {
        time: expect.any(String),
        code: 'BASE_IMAGE_UNAVAILABLE',
        build: 'wrong',
        message: expect.stringContaining('never.example/none:1'),
      },
    });
    expect((await runner.ssh('status')).stdout).toMatch(
      /^last error: \S+ wrong .*\(BASE_IMAGE_UNAVAILABLE\)$/m,
    );
  });

  it('are told on the command line too, without a word in the log', async () => {
    await using runner = await startRunner({ BUILDBOT_MAX_BUILDS: '7' });
    const { address } = runner.log.find(({ msg }) => msg === 'ready')!;
    const here = async (...words: string[]) => {
      const own = { BUILDBOT_DATA_DIR: runner.data, BUILDBOT_SSH_ADDRESS: address as string };
      return await outputOf(spawn('bin/buildbot', words, { stdio: 'pipe', env: { ...process.env, ...own } }));
    };
    expect(await here('status')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^0 of 7 running/) });
    const { stdout } = await here('status', '--output', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ capacity: { maxBuilds: 7 }, builds: [] });
    expect(await here('cancel', 'x')).toMatchObject({
      code: 2,
      stderr: `buildbot: this process has no build 'x'; the builds of a server are reached over ssh (BUILD_NOT_FOUND)\n`,
    });
    expect((await here('healthcheck')).code).toBe(0);
    await runner.stop();
    expect(runner.log.filter(({ level }) => Number(level) > 30)).toMatchObject([{ msg: 'made a host key' }]);
  });

  it('are one line where nobody serves', async () => {
    const healthcheck = async (environment: Record<string, string>) => {
      const env = { ...process.env, ...environment };
      return await outputOf(spawn('bin/buildbot', ['healthcheck'], { stdio: 'pipe', env }));
    };
    const nobody = await healthcheck({
      BUILDBOT_SSH_ADDRESS: '127.0.0.1:1',
      BUILDBOT_DATA_DIR: '/nonexistent',
    });
    expect(nobody).toEqual({
      code: 69,
      stdout: '',
      stderr:
        'buildbot: no runner answers on 127.0.0.1:1; start it with: buildbot serve (ENGINE_UNREACHABLE)\n',
    });
  });
});
