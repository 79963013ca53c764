import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { credentials } from '../scenarios/repository.js';
import type { Runner } from '../scenarios/runner.js';
import { base, createWorld, LASTING, type World } from './world.js';

describe('two runners on one data directory', () => {
  let world: World;
  let first: Runner;
  beforeAll(async () => {
    world = await createWorld(
      {},
      { 'copy.Dockerfile': `FROM ${base()}\nARG MARK\nCOPY text /\nRUN echo "it says $(cat /text)"\n` },
    );
    first = world.runner;
  });
  afterAll(() => world[Symbol.asyncDispose]());
  const build = (runner: Runner, flags: string) =>
    runner.ssh(`build --repo ${world.repository.url} --no-push --output result --credentials - ${flags}`, {
      input: credentials(),
    });

  it('the second one starts, and one dies: what the first one builds is left alone', async () => {
    const building = world.build(`--no-push --test 'echo it is $((40 + 2)) now; sleep 4'`);
    await building.says(LASTING);
    const second = await world.restart();
    expect(await build(second, '')).toMatchObject({ code: 0 });
    await second.stop('SIGKILL');
    await world.restart();
    const output = await building.ended;
    expect(output, output.stderr).toMatchObject({ code: 0 });
    await world.expectSound();
  });

  it('both fetch, and read what the other one fetches and throws away', async () => {
    const runners = [first, world.runner];
    for (let round = 0; round < 4; round++) {
      const texts = [randomUUID(), randomUUID()];
      const revisions: string[] = [];
      for (const text of texts) revisions.push(await world.repository.commit({ text }));
      // Each revision on both, at the same time.
      const outputs = await Promise.all(
        runners.flatMap((runner) =>
          revisions.map((id) =>
            build(runner, `--revision ${id} -f copy.Dockerfile --build-arg MARK=${randomUUID()}`),
          ),
        ),
      );
      for (const [index, output] of outputs.entries()) {
        expect(output, output.stderr).toMatchObject({ code: 0 });
        expect(output.stderr).toContain(`it says ${texts[index % 2]}`);
      }
    }
    await world.expectSound();
  });
});
