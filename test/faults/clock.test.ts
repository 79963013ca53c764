import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base, createWorld, expectVerdict, LASTING, LASTS, resultOf, type World } from './world.js';

/** Debian's libfaketime, whose time of day is what a file says; the clock that counts on stays the system's. */
async function fakeTime(file: string): Promise<Record<string, string>> {
  const places = (await readdir('/usr/lib')).map((name) => `/usr/lib/${name}/faketime/libfaketime.so.1`);
  const library = places.find((path) => existsSync(path));
  if (library === undefined)
    throw new Error('libfaketime is not installed: run the tests with npm run faults');
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
}

describe('the time of day jumps while something is built', () => {
  let world: World;
  let directory: string;
  const jump = (offset: string) => writeFile(join(directory, 'time'), `${offset}\n`);
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'buildbot-clock-'));
    await jump('+0');
    world = await createWorld(await fakeTime(join(directory, 'time')));
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  it.each(['+5h', '-5h'])('by %s: the build ends well, and took as long as it did', async (offset) => {
    await jump('+0');
    const building = world.build(
      `--no-push --timeout 5m --build-arg MARK=${randomUUID()} --test 'echo it is $((40 + 2)) now; sleep 2'`,
    );
    await building.says(LASTING);
    await jump(offset);
    const output = await building.ended;
    expect(output, output.stderr).toMatchObject({ code: 0 });
    const { steps, startedAt, finishedAt } = resultOf(output);
    const hours = (Date.parse(finishedAt) - Date.parse(startedAt!)) / 3_600_000;
    expect(Math.round(hours)).toBe(parseInt(offset));
    for (const { seconds } of steps) {
      expect(seconds).toBeGreaterThanOrEqual(0);
      expect(seconds).toBeLessThan(300);
    }
    expect(steps.find(({ name }) => name === 'test')!.seconds).toBeGreaterThan(1.9);
    await world.expectSound();
  });

  it('by -5h: the deadline still holds', async () => {
    await jump('+0');
    const building = world.build(
      `--no-push --timeout 6s --builder-image ${base()} --builder-command '${LASTS}'`,
    );
    await building.says(LASTING);
    await jump('-5h');
    expectVerdict(await building.ended, { code: 124, failure: { code: 'TIMEOUT' }, line: /6\.0s/ });
    await world.expectSound();
  });
});
