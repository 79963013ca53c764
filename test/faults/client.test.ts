import tar from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { executeIn } from '../scenarios/engine.js';
import { heldSteps, holdIn } from './steps.js';
import { startProxy } from './proxy.js';
import { createWorld, resultOf, type World } from './world.js';

/** A runner asks a silent client every 15 s, and gives it up after 45 s. */
const SILENCE = 150_000;

/** What the runner's operator reads of a build that nobody could be told of. */
const ended = (world: World) =>
  world.runner.log.filter(({ msg }) => msg === 'build failed').map(({ code }) => code);

describe('the client', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ BUILDBOT_MAX_BUILDS: '1' });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it.each(heldSteps.filter((step) => step !== 'plan' && step !== 'notify'))(
    'is killed (-9) in %s',
    async (step) => {
      const before = ended(world).length;
      await using held = await holdIn(step, world);
      held.building.child.kill('SIGKILL');
      await held.building.ended;
      await expect.poll(() => ended(world)[before], { timeout: 10_000 }).toBe('CANCELLED');
      if (step === 'queue') held.release();
      await world.expectSound();
    },
  );

  it('is killed (-9) while it sends a context', async () => {
    const child = world.runner.open('build --context - --no-push --output result');
    // The head of a tar's entry that announces more than comes.
    const pack = tar.pack();
    const entry = pack.entry({ name: 'big', size: 2 ** 20 });
    // They find the client gone.
    for (const stream of [pack, entry]) stream.on('error', () => undefined);
    pack.pipe(child.stdin);
    await expect.poll(async () => (await world.runner.ssh('status')).stdout).toMatch(/source/);
    child.kill('SIGKILL');
    await expect.poll(async () => (await world.runner.ssh('status')).stdout).toMatch(/^0 of 1 running/);
    await world.expectSound();
  });
});

/** Each waits for the keepalive to find out, so all wait together; each has a world of its own. */
describe.concurrent('the client', () => {
  const inWorld = async (task: (world: World) => Promise<void>) => {
    await using world = await createWorld({ BUILDBOT_MAX_BUILDS: '8' });
    await task(world);
  };
  const given = (world: World) =>
    vi.waitFor(() => expect(ended(world)).toEqual(['CANCELLED']), { timeout: 60_000, interval: 200 });
  const leftAlone = (world: World) =>
    vi.waitFor(
      async () =>
        expect((await world.runner.ssh('status --output json')).stdout).toContain('"watched":false'),
      { timeout: 60_000, interval: 500 },
    );

  it.each(['builder', 'image', 'test'] as const)('is frozen (SIGSTOP) in %s', { timeout: SILENCE }, (step) =>
    inWorld(async (world) => {
      await using held = await holdIn(step, world);
      held.building.child.kill('SIGSTOP');
      await given(world);
      held.building.child.kill('SIGCONT');
      // It finds the connection closed.
      expect(await held.building.ended).toMatchObject({ code: 255 });
      await world.expectSound();
    }),
  );

  it.each(['builder', 'image'] as const)('loses its link in %s', { timeout: SILENCE }, (step) =>
    inWorld(async (world) => {
      await using link = await startProxy(`127.0.0.1:${world.runner.port}`);
      const keepalive = ['-o', 'ServerAliveInterval=5', '-o', 'ServerAliveCountMax=2'];
      await using held = await holdIn(step, world, { options: ['-o', `Port=${link.port}`, ...keepalive] });
      link.freeze();
      // The client's own keepalive, which a deploy script should have: docs/faults.md.
      expect(await held.building.ended).toMatchObject({ code: 255 });
      await given(world);
      await world.expectSound();
    }),
  );

  it('loses its link with --on-disconnect detach', { timeout: SILENCE }, () =>
    inWorld(async (world) => {
      await using link = await startProxy(`127.0.0.1:${world.runner.port}`);
      const waits = 'echo waits; until [ -e /tmp/go ]; do sleep 0.1; done';
      const building = world.build(`--no-push --on-disconnect detach --id left --test '${waits}'`, {
        options: ['-o', `Port=${link.port}`],
      });
      await building.says(/^waits$/m);
      link.freeze();
      await leftAlone(world);
      await executeIn('left', ['touch', '/tmp/go']);
      expect(resultOf(await world.runner.ssh('attach left --output result'))).toMatchObject({ exitCode: 0 });
      building.child.kill('SIGKILL');
      await world.expectSound();
    }),
  );
});
