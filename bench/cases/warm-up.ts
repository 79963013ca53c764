import { imagesOf } from '../engine.js';
import { openRepository, type Prepared } from '../fixtures/repository.js';
import type { Job } from '../ways/way.js';
import type { World } from '../world.js';
import type { Contender } from './contender.js';

const BUILDS = 3;

/** A new process compiles its code as it is used. What is measured is a runner that has built something before, not this. */
export async function warmUp(world: World, contender: Contender, tiny: Prepared): Promise<void> {
  const name = `warm-up-${contender.runner?.pid ?? contender.way.name}`;
  await using repository = await openRepository(world, { ...tiny, name, commits: BUILDS });
  for (const revision of repository.revisions) {
    await repository.publish(revision);
    const job: Job = {
      fixture: tiny.fixture,
      repository,
      revision,
      reference: `${imagesOf(world)}/${name}:1`,
    };
    await contender.way.prepare(job);
    await contender.way.build(job);
  }
}
