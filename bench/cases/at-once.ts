import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lastBytes, time } from '../command.js';
import { chill, imagesOf, settle } from '../engine.js';
import { openRepository, type Prepared } from '../fixtures/repository.js';
import { checkPushed } from '../registry.js';
import { startRunner, type Runner } from '../runner.js';
import { checkOut, checkoutOf } from '../ways/checkout.js';
import { buildCommand, ours, readResult, writeCredentials } from '../ways/ours.js';
import { buildScript, pushedDigest } from '../ways/script.js';
import type { Job } from '../ways/way.js';
import type { World } from '../world.js';
import { observe } from './observe.js';
import type { CaseName, Sample } from './sample.js';
import { warmUp } from './warm-up.js';

export type Crowd = Prepared & { round: number; builds: number };

/** Many builds of different revisions at once, straight on the engine and at two runners; another one begins each time. */
export async function* buildAtOnce(world: World, crowd: Crowd): AsyncGenerator<Sample> {
  const takers = [onEngine, atRunner, atWideRunner];
  for (const n of takers.keys()) yield takers[(n + crowd.round) % takers.length]!(world, crowd);
}

/** With its defaults: as many builds run as there are cores, the others wait in its queue. */
const atRunner = (world: World, crowd: Crowd) => takeAtRunner(world, crowd, { as: 'at-once', settings: {} });

/** All of them run. */
const atWideRunner = (world: World, crowd: Crowd) =>
  takeAtRunner(world, crowd, {
    as: 'at-once-all',
    settings: { BUILDBOT_MAX_BUILDS: `${crowd.builds}` },
  });

type AtRunner = { as: CaseName; settings: Record<string, string> };

async function takeAtRunner(world: World, crowd: Crowd, { as, settings }: AtRunner): Promise<Sample> {
  await chill(world);
  await using runner = await startRunner(world, settings);
  await warmUp(world, { way: ours(world, runner), runner }, crowd);
  const input = await writeCredentials(world);
  const build = (job: Job, output: string) =>
    time('ssh', [...runner.login, buildCommand(world, job)], {
      environment: world.environment,
      input,
      output,
    });
  const digestOf = (output: string) => readResult(output).digest;
  return await takeAll(world, crowd, { ...{ as, way: 'ours', runner }, build, digestOf });
}

async function onEngine(world: World, crowd: Crowd): Promise<Sample> {
  const environment = { ...world.environment, DOCKER_BUILDKIT: '1' };
  const build = (job: Job, output: string) =>
    time('sh', ['-c', buildScript(world, job)], { environment, directory: checkoutIn(world, job), output });
  await chill(world);
  return takeAll(world, crowd, { ...{ as: 'at-once', way: 'limit' }, build, digestOf: pushedDigest });
}

type Taker = {
  as: CaseName;
  way: 'ours' | 'limit';
  runner?: Runner;
  build: (job: Job, output: string) => Promise<number>;
  digestOf: (output: string) => string;
};

async function takeAll(world: World, crowd: Crowd, taker: Taker): Promise<Sample> {
  const { as, way, runner, build, digestOf } = taker;
  const { fixture, from, round, builds } = crowd;
  const name = `crowd-${builds}-${way}-${as}-${round}`;
  await using repository = await openRepository(world, { fixture, from, name, commits: builds + 1 });
  const jobs = repository.revisions.map((revision, n): Job => ({
    fixture,
    repository,
    revision,
    reference: `${imagesOf(world)}/${name}-${n}:1`,
  }));
  const outputs = join(world.directory, 'outputs', name);
  await mkdir(outputs, { recursive: true });
  const outputOf = (job: Job) => join(outputs, job.revision);
  for (const job of jobs) await checkOut(world, { ...job, repository: asCheckout(job) });
  await repository.publish(jobs.at(-1)!.revision);
  const [first, ...others] = jobs;
  // What all have in common is known: the repository, the base image.
  await build(first!, outputOf(first!));
  await settle();
  const began = performance.now();
  const seen = await observe(runner, () => Promise.all(others.map((job) => build(job, outputOf(job)))));
  const seconds = (performance.now() - began) / 1000;
  for (const job of jobs)
    await checkPushed(job.reference, digestOf(await lastBytes(outputOf(job))), repository.mark(job.revision));
  return {
    ...{ fixture: `${fixture.name}x${builds}`, case: as, way, round, seconds },
    ...(seen.runner && { runner: seen.runner }),
  };
}

// A checkout for each revision, as they are built side by side.
const asCheckout = ({ repository, revision }: Job) => ({
  ...repository,
  name: `${repository.name}-${revision}`,
});
const checkoutIn = (world: World, job: Job) => checkoutOf(world, { ...job, repository: asCheckout(job) });
