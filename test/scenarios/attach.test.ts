import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { resultSchema } from '../../src/model/result.js';
import { lab } from '../lab/environment.js';
import { executeIn, leftovers } from './engine.js';
import { newKey } from './keys.js';
import { createRepository, credentials, type Repository } from './repository.js';
import { outputOf, startRunner, type Runner } from './runner.js';

/** Resolves when `check` holds; the test's own timeout is the limit. */
async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await setTimeout(20);
}

let runner: Runner;
let repository: Repository;
let other: string;
beforeAll(async () => {
  const keys = await Promise.all(['mine', 'other', 'operator'].map(newKey));
  const [mine, others, operator] = keys.map(({ line }) => line);
  other = keys[1]!.file;
  runner = await startRunner({
    BUILDBOT_AUTHORIZED_KEYS: [
      mine,
      others,
      `permit-commands="build,status,attach,cancel,all" ${operator}`,
    ].join('\n'),
  });
  files.push(...keys.map(({ file }) => file));
  repository = await createRepository({
    Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}\nRUN echo made > /made\n`,
  });
});
// What a test that failed has left would take the place of those after it.
afterEach(async () => {
  for (const { id, state } of await statusOf(operator()))
    if (state !== 'ended') await runner.ssh(`cancel ${id}`, { key: operator() });
});
afterAll(async () => {
  await runner[Symbol.asyncDispose]();
  await repository[Symbol.asyncDispose]();
});

const files: string[] = [];
const [mine, operator] = [() => files[0]!, () => files[2]!];

/** A test that goes on when `open` is called, and ends with 7. */
const WAITS = `--test 'seq 1 5000; echo begun; until [ -e /go ]; do sleep 0.1; done; echo over; exit 7'`;
const open = (id: string) => executeIn(id, ['touch', '/go']);

/** Starts a build that waits in its test, and resolves when it does. */
async function begin(id: string, flags: string) {
  const command = `build --id ${id} --repo ${repository.url} --no-push -t attach-${id}:1 --credentials - ${WAITS} ${flags}`;
  const child = runner.open(command, { input: credentials(), key: mine() });
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  await until(() => /^begun$/m.test(text));
  return child;
}

const statusOf = async (key: string) =>
  (
    JSON.parse((await runner.ssh('status --output json', { key })).stdout) as {
      builds: { id: string; state: string; watched: boolean }[];
    }
  ).builds;

describe('a build whose client is killed', () => {
  it('goes on with --on-disconnect detach; attach gives the whole log, and its own exit code', async () => {
    const child = await begin('away', '--on-disconnect detach');
    child.kill('SIGKILL');
    await once(child, 'close');
    await until(async () => !(await statusOf(mine()))[0]!.watched);
    expect(await statusOf(mine())).toMatchObject([{ id: 'away', state: 'running', step: 'test' }]);
    const attached = outputOf(runner.open('attach away', { key: mine(), input: '' }));
    await open('away');
    const { code, stdout } = await attached;
    expect(code).toBe(1);
    const lines = stdout.split('\n');
    for (let line = 1; line <= 5000; line++) expect(lines).toContain(String(line));
    expect(lines).toContain('over');
    expect(lines.findIndex((line) => line.startsWith('== STEP queue'))).toBe(0);
    const meta = JSON.parse(lines.at(-2)!.replace('__build_result_meta ', '')) as object;
    expect(meta).toMatchObject({ id: 'away', exitCode: 1, failure: { step: 'test', commandExitCode: 7 } });
    // Also for who comes after the end.
    const late = await runner.ssh('attach away --output result', { key: mine() });
    expect([late.code, resultSchema.parse(JSON.parse(late.stdout)).id]).toEqual([1, 'away']);
    expect(await statusOf(mine())).toMatchObject([{ id: 'away', state: 'ended', exitCode: 1 }]);
    expect(await leftovers(runner)).toEqual([]);
  });

  it('is ended after --on-disconnect grace where nobody comes back', async () => {
    const child = await begin('grace', '--on-disconnect grace=1s');
    child.kill('SIGKILL');
    const verdict = async () => (await statusOf(mine())).find(({ id }) => id === 'grace');
    await until(async () => (await verdict())?.state === 'ended');
    const { code, stderr } = await runner.ssh('attach grace', { key: mine() });
    expect([code, stderr]).toEqual([
      130,
      expect.stringContaining('the caller went away, and nobody attached within 1.0s') as string,
    ]);
  });

  it('says at the start how to come back', async () => {
    const child = await begin('told', '--on-disconnect detach');
    const verdict = outputOf(child);
    await open('told');
    expect((await verdict).stderr).toContain("build told: 'attach told' comes back to it");
  });
});

describe('attach', () => {
  it('left by Ctrl-C leaves the build alone', async () => {
    const child = await begin('left', '');
    const visitor = runner.open('attach left --progress plain', { key: mine(), options: ['-tt'] });
    let text = '';
    for (const stream of [visitor.stdout, visitor.stderr])
      stream.on('data', (data: Buffer) => (text += data.toString()));
    await until(() => /^begun\r?$/m.test(text));
    visitor.stdin.write('\x03');
    expect(await once(visitor, 'close')).toEqual([130, null]);
    expect(text).toContain('build left goes on');
    const verdict = outputOf(child);
    await open('left');
    expect((await verdict).code).toBe(1);
  });

  it.each(['attach', 'cancel'])(
    '%s of an unknown build, and of somebody else’s: exit 2, one line',
    async (command) => {
      const child = await begin('hidden', '');
      const unknown = await runner.ssh(`${command} nope`, { key: other });
      const foreign = await runner.ssh(`${command} hidden`, { key: other });
      for (const { code, stdout, stderr } of [unknown, foreign]) {
        expect([code, stdout]).toEqual([2, '']);
        expect(stderr).toMatch(
          /^buildbot: no build '\w+' of yours is known since this runner started \(.*BUILD_NOT_FOUND\)\n$/,
        );
      }
      const { stdout } = await runner.ssh('status', { key: other });
      expect(stdout).toMatch(/^1 of 2 running, 0 of 64 waiting\nengine: /);
      expect(stdout).not.toContain('hidden');
      const verdict = outputOf(child);
      await open('hidden');
      expect((await verdict).code).toBe(1);
    },
  );
});

describe('cancel', () => {
  it('ends a build of the same key, and returns when nothing of it is left', async () => {
    const verdict = outputOf(await begin('mine', ''));
    expect(await runner.ssh('cancel mine', { key: mine() })).toMatchObject({
      code: 0,
      stdout: 'build mine is cancelled\n',
    });
    expect(await leftovers(runner)).toEqual([]);
    expect(await verdict).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('cancelled by mine') as string,
    });
  });

  it('ends any build for a key that may see all', async () => {
    const verdict = outputOf(await begin('any', ''));
    expect((await statusOf(operator())).map(({ id }) => id)).toContain('any');
    expect((await runner.ssh('cancel any', { key: operator() })).code).toBe(0);
    expect(await verdict).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('cancelled by operator') as string,
    });
  });
});
