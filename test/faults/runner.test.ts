import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { heldSteps, holdIn, slowGit } from './steps.js';
import { createWorld, expectVerdict, type World } from './world.js';

describe('the runner', () => {
  let world: World;
  let path: string;
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'fault-path-'));
    world = await createWorld({ BUILDBOT_MAX_BUILDS: '1', PATH: `${path}:${process.env.PATH}` });
    await slowGit(path, join(world.repository.directory, '.git', 'held-blob'));
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await rm(path, { recursive: true });
  });

  it.each(heldSteps)('is killed (-9) in %s', async (step) => {
    await using held = await holdIn(step, world);
    await world.runner.stop('SIGKILL');
    // ssh says so itself: the link is gone, and nobody knows how the build ended.
    expect(await held.building.ended).toMatchObject({ code: 255, stdout: '' });
    held.release();
    await world.restart();
    await world.expectSound();
  });

  it('gets SIGTERM with nothing to do', async () => {
    expect(await world.runner.stop('SIGTERM')).toBe(0);
    await world.restart();
    await world.expectSound();
  });

  it('gets SIGTERM while a build runs', async () => {
    await using held = await holdIn('push', world);
    const stopped = world.runner.stop('SIGTERM');
    await expect
      .poll(() => world.runner.log.some(({ msg }) => String(msg).startsWith('draining')))
      .toBe(true);
    const late = await world.build('--no-push').ended;
    expectVerdict(late, { code: 75, failure: { code: 'DRAINING' } });
    held.release();
    expect(await held.building.ended).toMatchObject({ code: 0 });
    expect(await stopped).toBe(0);
    await world.restart();
    await world.expectSound();
  });

  it('gets SIGTERM twice while a build runs and another waits', async () => {
    await using running = await holdIn('test', world);
    const waiting = world.build('--no-push');
    await waiting.says(/waiting: 1 build ahead/);
    const stopped = world.runner.stop('SIGTERM');
    await expect
      .poll(() => world.runner.log.some(({ msg }) => String(msg).startsWith('draining')))
      .toBe(true);
    await world.runner.stop('SIGTERM');
    const cancelled = { code: 130, failure: { code: 'CANCELLED', step: 'test' }, line: /shutting down/ };
    expectVerdict(await running.building.ended, cancelled);
    expectVerdict(await waiting.ended, { code: 75, failure: { code: 'DRAINING' }, line: /shutting down/ });
    expect(await stopped).toBe(0);
    await world.restart();
    await world.expectSound();
  });

  it('gets SIGTERM, and a build does not end in time', async () => {
    await world.runner.stop();
    await world.restart({ BUILDBOT_DRAIN: '1s' });
    await using held = await holdIn('builder', world);
    const stopped = world.runner.stop('SIGTERM');
    const cancelled = { code: 130, failure: { code: 'CANCELLED', step: 'builder' }, line: /shutting down/ };
    expectVerdict(await held.building.ended, cancelled);
    expect(await stopped).toBe(0);
    await world.restart();
    await world.expectSound();
  });
});
