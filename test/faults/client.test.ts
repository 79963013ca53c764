import { afterAll, beforeAll, describe, it } from 'vitest';
import { createWorld, LASTING, LASTS, type World } from './world.js';

describe('the client', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it.each([
    ['builder', `--no-push --builder-image ${'BASE'} --builder-command '${LASTS}'`],
    ['image', '--no-push -f lasting.Dockerfile'],
    ['test', `--no-push --test '${LASTS}'`],
  ])('killed (-9) in %s', async (_, flags) => {
    const building = world.build(flags.replace('BASE', process.env.LAB_BASE_IMAGE!));
    await building.says(LASTING);
    building.child.kill('SIGKILL');
    await building.ended;
    await world.expectSound();
  });
});
