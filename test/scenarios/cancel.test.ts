import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultSchema } from '../../src/model/result.js';
import { lab } from '../lab/environment.js';
import { leftovers, saidByRun } from './engine.js';
import { createRepository, credentials, type Repository } from './repository.js';
import { run } from './run.js';
import { outputOf, startRunner, type Runner } from './runner.js';

/** Processes whose command line holds `mark`, anywhere on the machine: a RUN's among them. */
async function processes(mark: string): Promise<number> {
  const list = await run('ps', ['-eo', 'args']);
  return list.split('\n').filter((line) => line.includes(mark) && !line.includes('build --repo')).length;
}

/** Resolves with the milliseconds until `check` holds; the test's own timeout is the limit. */
async function until(check: () => Promise<boolean>): Promise<number> {
  const started = performance.now();
  while (!(await check())) await setTimeout(20);
  return performance.now() - started;
}

describe('cancelling', () => {
  let runner: Runner;
  let repository: Repository;
  beforeAll(async () => {
    runner = await startRunner({ BUILDBOT_MAX_BUILDS: '1', BUILDBOT_MAX_QUEUED: '1' });
    repository = await createRepository({
      Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}\nARG MARK\nRUN echo started; sleep $MARK; echo never\n`,
    });
  });
  afterAll(async () => {
    await runner[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
  });

  // A number of seconds that no other process sleeps.
  const newMark = () => `9${Math.floor(Math.random() * 1e8)}`;
  const command = (mark: string, flags = '') =>
    `build --repo ${repository.url} --no-push --build-arg MARK=${mark} --credentials - ${flags}`;

  async function open(mark: string, options: { flags?: string; tty?: boolean } = {}) {
    const child = runner.open(command(mark, options.flags), { ...(options.tty && { options: ['-tt'] }) });
    child.stdin.write(credentials());
    if (!options.tty) child.stdin.end();
    let text = '';
    child.stdout.on('data', (data: Buffer) => (text += data.toString()));
    await until(() => Promise.resolve(saidByRun('started').test(text)));
    expect(await processes(`sleep ${mark}`)).toBeGreaterThan(0);
    return child;
  }

  async function expectGone(mark: string) {
    const ms = await until(async () => (await processes(`sleep ${mark}`)) === 0);
    expect(ms).toBeLessThan(2000);
    await until(async () => (await runner.ssh('status')).stdout.startsWith('0 of 1 running, 0 of 1 waiting'));
    expect(await leftovers(runner)).toEqual([]);
    expect(
      (await readdir('/dev/shm')).filter(
        (name) => name.startsWith(`buildbot-`) && name.includes(`-${runner.pid}-`),
      ),
    ).toEqual([]);
  }

  it.each(['SIGINT', 'SIGKILL', 'SIGTERM'] as const)('a client that gets %s', async (signal) => {
    const mark = newMark();
    const child = await open(mark);
    child.kill(signal);
    await expectGone(mark);
  });

  it('Ctrl-C in a terminal: exit 130', async () => {
    const mark = newMark();
    const environment = {
      options: ['-tt', '-o', 'SendEnv=BUILDBOT_CREDENTIALS'],
      environment: { BUILDBOT_CREDENTIALS: credentials() },
    };
    const child = runner.open(command(mark).replace('--credentials -', '--progress plain'), environment);
    let text = '';
    child.stdout.on('data', (data: Buffer) => (text += data.toString()));
    await until(() => Promise.resolve(saidByRun('started').test(text)));
    child.stdin.write('\x03');
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(130);
    await expectGone(mark);
  });

  it('--timeout: exit 124, with the verdict', async () => {
    const mark = newMark();
    const output = await runner.ssh(command(mark, '--timeout 2s --output result'), { input: credentials() });
    expect(output.code).toBe(124);
    expect(resultSchema.parse(JSON.parse(output.stdout))).toMatchObject({
      status: 'timed-out',
      failure: { step: 'image', code: 'TIMEOUT' },
    });
    await expectGone(mark);
  });

  it('a full queue: exit 75 at once, and who waited gets the place', async () => {
    const mark = newMark();
    const first = await open(mark, { flags: '--id first' });
    const second = runner.open(command(newMark(), '--id second --timeout 3s'), { input: credentials() });
    let text = '';
    second.stdout.on('data', (data: Buffer) => (text += data.toString()));
    await until(() => Promise.resolve(text.includes('waiting: 1 build ahead')));
    const third = await runner.ssh(command(newMark(), '--output result'), { input: credentials() });
    expect(third.code).toBe(75);
    expect(resultSchema.parse(JSON.parse(third.stdout))).toMatchObject({
      status: 'busy',
      failure: { code: 'QUEUE_FULL' },
    });
    const status = await runner.ssh('status');
    expect(status.stdout).toMatch(
      /^1 of 1 running, 1 of 1 waiting\nfirst +image .*\nsecond +queue \(1 ahead\)/,
    );
    const done = once(second, 'close') as Promise<[number]>;
    first.kill('SIGKILL');
    expect((await done)[0]).toBe(124);
    await expectGone(mark);
  });

  it('SIGTERM drains: no new builds, and a second one cancels what runs and refuses what waits', async () => {
    await using own = await startRunner({ BUILDBOT_MAX_BUILDS: '1' });
    const child = own.open(command(newMark()), { input: credentials() });
    const verdict = outputOf(child);
    let text = '';
    child.stdout.on('data', (data: Buffer) => (text += data.toString()));
    await until(() => Promise.resolve(saidByRun('started').test(text)));
    const queued = own.open(command(newMark()), { input: credentials() });
    const queuedVerdict = outputOf(queued);
    await new Promise<void>((resolve) => {
      queued.stdout.on('data', (data: Buffer) => data.includes('waiting: 1 build ahead') && resolve());
    });
    const stopped = own.stop('SIGTERM');
    await until(() => Promise.resolve(own.log.some(({ msg }) => String(msg).startsWith('draining'))));
    const refused = await own.ssh(command(newMark(), `--id ${randomUUID()}`), { input: credentials() });
    expect([refused.code, refused.stderr]).toEqual([75, expect.stringContaining('DRAINING') as string]);
    process.kill(own.pid, 'SIGTERM');
    expect((await verdict).code).toBe(130);
    expect((await queuedVerdict).code).toBe(75);
    expect(await stopped).toBe(0);
  });
});
