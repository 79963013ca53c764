import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Output } from '../scenarios/runner.js';
import { findDockerd, type Dockerd } from './dockerd.js';
import { holdIn } from './steps.js';
import { createWorld, expectVerdict, resultOf, type World } from './world.js';

/** Those in which the engine works. */
const STEPS = ['builder', 'image', 'test', 'push'] as const;
type Outputs = Map<(typeof STEPS)[number], Output>;

/** The engine is not there or does not answer: its own failure, not the build's. */
const AWAY = { code: 69, failure: { code: expect.stringMatching(/^ENGINE_/) as string } };

/** A frozen engine is asked again and again for a minute before it is given up, and then for what it should remove. */
const PATIENCE = 300_000;

let dockerd: Dockerd;
let world: World;
beforeAll(async () => {
  dockerd = await findDockerd();
  world = await createWorld({ BUILDBOT_MAX_BUILDS: '8' });
});
afterAll(() => world[Symbol.asyncDispose]());

/** Builds in all of the steps meet one fault together; what each of them came to. */
async function meet(fault: () => Promise<void> | void): Promise<Outputs> {
  const held = await Promise.all(STEPS.map((step) => holdIn(step, world)));
  try {
    await fault();
    // Else a try that finds the engine back would find a registry that holds it.
    held[STEPS.indexOf('push')]!.release();
    const outputs = await Promise.all(held.map(({ building }) => building.ended));
    return new Map(STEPS.map((step, index) => [step, outputs[index]!]));
  } finally {
    for (const hold of held) await hold[Symbol.asyncDispose]();
  }
}

describe('dockerd', () => {
  let outputs: Outputs;
  /** Once for all steps of a fault. */
  const under = (fault: () => Promise<void> | void, end: () => Promise<void> | void) => {
    beforeAll(async () => {
      outputs = await meet(fault);
    }, PATIENCE);
    afterAll(end);
  };

  describe('stopped (SIGTERM)', () => {
    under(
      () => dockerd.end('SIGTERM'),
      () => dockerd.start(),
    );

    it.each(STEPS)('in %s', (step) => {
      expectVerdict(outputs.get(step)!, { ...AWAY, failure: { ...AWAY.failure, step } });
    });

    it('and a build comes', async () => {
      const output = await world.build('--no-push').ended;
      expectVerdict(output, { code: 69, failure: { code: 'ENGINE_UNREACHABLE', step: 'image' } });
    });

    it('and started again', async () => {
      await dockerd.start();
      await world.expectSound();
    });
  });

  describe('killed (-9)', () => {
    under(
      () => dockerd.end('SIGKILL'),
      () => dockerd.start(),
    );

    it.each(STEPS)('in %s', (step) => {
      expectVerdict(outputs.get(step)!, { ...AWAY, failure: { ...AWAY.failure, step } });
    });

    it('and started again', async () => {
      await dockerd.start();
      await world.expectSound();
    });
  });

  describe('restarted', () => {
    under(
      async () => {
        await dockerd.end('SIGTERM');
        await dockerd.start();
      },
      () => undefined,
    );

    it.each(['builder', 'image', 'test'] as const)('in %s', (step) => {
      expectVerdict(outputs.get(step)!, { ...AWAY, failure: { ...AWAY.failure, step } });
    });

    it('in push', () => {
      const { code, stdout, stderr } = outputs.get('push')!;
      // A try that began when it was back has pushed.
      if (code === 0) expect(resultOf({ code, stdout, stderr }).images[0]!.refs[0]!.pushed).toBe(true);
      else expectVerdict({ code, stdout, stderr }, { ...AWAY, failure: { ...AWAY.failure, step: 'push' } });
    });

    it('and used again', () => world.expectSound());
  });

  describe('frozen (SIGSTOP)', () => {
    under(
      () => dockerd.freeze(),
      () => dockerd.thaw(),
    );

    it.each(STEPS)('in %s', (step) => {
      expectVerdict(outputs.get(step)!, { ...AWAY, failure: { ...AWAY.failure, step } });
    });

    it('and a build comes', async () => {
      const output = await world.build('--no-push').ended;
      expectVerdict(output, {
        code: 69,
        failure: { code: 'ENGINE_UNREACHABLE', step: 'image' },
        line: /did not answer within \d+ s/,
      });
    });

    it('and going on', async () => {
      dockerd.thaw();
      await world.expectSound();
    });
  });
});
