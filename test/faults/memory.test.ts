import { afterAll, beforeAll, describe, it } from 'vitest';
import { base, createWorld, expectVerdict, type World } from './world.js';

/** Keeps all that it reads: busybox' tail wants the last line, and there is no line end. */
const EATS = 'head -c 300000000 /dev/zero | tail -n 1';

describe('out of memory', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld(
      { BUILDBOT_BUILD_MEMORY: '64m' },
      { 'killed.Dockerfile': `FROM ${base()}\nRUN sh -c 'kill -9 $$'; exit $?\n` },
    );
  });
  afterAll(() => world[Symbol.asyncDispose]());
  const line = /was killed: out of memory, limit 64 MB/;

  it('in a builder', async () => {
    const output = await world.build(
      `--no-push --builder-image ${base()} --builder-command '${EATS} > large'`,
    ).ended;
    expectVerdict(output, { code: 1, failure: { code: 'BUILDER_FAILED', step: 'builder' }, line });
    await world.expectSound();
  });

  it('in a test', async () => {
    const output = await world.build(`--no-push --test '${EATS} > /large'`).ended;
    expectVerdict(output, { code: 1, failure: { code: 'TEST_FAILED', step: 'test' }, line });
    await world.expectSound();
  });

  // The kernel's SIGKILL is all that an engine tells of it.
  it('in a RUN: the line says what SIGKILL means', async () => {
    const output = await world.build('--no-push -f killed.Dockerfile').ended;
    expectVerdict(output, {
      code: 1,
      failure: { code: 'DOCKERFILE_FAILED', step: 'image' },
      line: /exit code 137; SIGKILL ended it, as the kernel does where memory runs out/,
    });
    await world.expectSound();
  });
});
