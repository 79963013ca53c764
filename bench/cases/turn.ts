import { rm } from 'node:fs/promises';
import { chill, imagesOf, settle } from '../engine.js';
import type { WayName } from '../fixtures/fixture.js';
import { checkLog, LOG_BYTES } from '../fixtures/loud.js';
import { openRepository, type Prepared } from '../fixtures/repository.js';
import { checkPushed } from '../registry.js';
import { checkoutOf } from '../ways/checkout.js';
import type { Job } from '../ways/way.js';
import type { World } from '../world.js';
import type { Contender } from './contender.js';
import { watchGrowth } from './growth.js';
import { observe } from './observe.js';
import type { CaseName, Sample } from './sample.js';

export type Turn = Prepared & {
  round: number;
  contender: Contender;
  strict?: Contender | undefined;
};

/** Ways between which little is decided: they are measured more often than others. */
const REPEATED = new Set<WayName>(['ours', 'limit']);

/** All cases of a fixture for one way: from a repository, an engine and a registry that have seen nothing of it. */
export async function* takeTurn(world: World, turn: Turn): AsyncGenerator<Sample> {
  const { fixture, from, round, contender } = turn;
  const name = `${fixture.name.toLowerCase()}-${contender.way.name}-${round}`;
  const repeats = REPEATED.has(contender.way.name) ? fixture.repeats : 1;
  await chill(world);
  await using repository = await openRepository(world, { fixture, from, name, commits: 1 + repeats });
  const jobOf = (revision: string): Job => ({
    ...{ fixture, repository, revision },
    reference: `${imagesOf(world)}/${name}:${revision.slice(0, 12)}`,
  });
  const [first, ...later] = repository.revisions.map(jobOf);
  const take = (job: Job, as: CaseName, by = contender) => measure(world, { job, by, as, round });
  try {
    await repository.publish(first!.revision);
    yield take(first!, fixture.measured === 'log' ? 'log' : 'cold');
    if (fixture.measured === 'log') return;
    for (let n = 0; n < repeats; n++) yield take(first!, 'same');
    if (turn.strict) {
      // Its mirror has to know the revision.
      await turn.strict.way.build(first!);
      for (let n = 0; n < repeats; n++) yield take(first!, 'same-proof', turn.strict);
    }
    for (const job of later) {
      await repository.publish(job.revision);
      yield take(job, 'next');
    }
  } finally {
    await rm(checkoutOf(world, first!), { recursive: true, force: true });
  }
}

type Measure = { job: Job; by: Contender; as: CaseName; round: number };

async function measure(world: World, { job, by, as, round }: Measure): Promise<Sample> {
  await by.way.prepare(job);
  await settle();
  const growth = as === 'log' ? watchGrowth(`${world.directory}/output`) : undefined;
  const { value: taken, runner } = await observe(by.runner, () => by.way.build(job));
  const seconds = growth?.end(LOG_BYTES);
  await checkPushed(job.reference, taken.digest, job.repository.mark(job.revision));
  if (growth) await checkLog(taken.output);
  return {
    ...{ fixture: job.fixture.name, case: as, way: by.way.name, round, seconds: taken.seconds },
    ...(taken.question !== undefined && { question: taken.question }),
    ...(taken.steps && { steps: taken.steps }),
    ...(runner && { runner }),
    ...(seconds !== undefined && { megabytesPerSecond: LOG_BYTES / 1e6 / seconds }),
  };
}
