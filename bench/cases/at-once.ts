import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lastBytes, time } from '../command.js';
import { chill, imagesOf, settle } from '../engine.js';
import { openRepository, type Prepared } from '../fixtures/repository.js';
import { checkPushed } from '../registry.js';
import { startRunner } from '../runner.js';
import { checkOut, checkoutOf } from '../ways/checkout.js';
import { buildCommand, readResult, writeCredentials } from '../ways/ours.js';
import { buildScript, pushedDigest } from '../ways/script.js';
import type { Job } from '../ways/way.js';
import type { World } from '../world.js';
import { observe } from './observe.js';
import type { Sample } from './sample.js';

export type Crowd = Prepared & { round: number; builds: number };

/** Many builds of different revisions at once: at a runner, and straight on the engine, each in turn first. */
export async function* buildAtOnce(world: World, crowd: Crowd): AsyncGenerator<Sample> {
  const takers = [atRunner, onEngine];
  if (crowd.round % 2 === 0) takers.reverse();
  for (const taker of takers) yield taker(world, crowd);
}

/** A runner with its defaults: as many builds run as there are cores, the others wait in its queue. */
async function atRunner(world: World, crowd: Crowd): Promise<Sample> {
  await using runner = await startRunner(world);
  const input = await writeCredentials(world);
  const build = (job: Job, output: string) =>
    time('ssh', [...runner.login, buildCommand(world, job)], {
      environment: world.environment,
      input,
      output,
    });
  return takeAll(world, crowd, {
    ...{ way: 'ours', runner, build },
    digestOf: (output) => readResult(output).digest,
  });
}

async function onEngine(world: World, crowd: Crowd): Promise<Sample> {
  const environment = { ...world.environment, DOCKER_BUILDKIT: '1' };
  const build = (job: Job, output: string) =>
    time('sh', ['-c', buildScript(world, job)], { environment, directory: checkoutIn(world, job), output });
  return takeAll(world, crowd, { way: 'limit', build, digestOf: pushedDigest });
}

type Taker = {
  way: 'ours' | 'limit';
  runner?: Awaited<ReturnType<typeof startRunner>>;
  build: (job: Job, output: string) => Promise<number>;
  digestOf: (output: string) => string;
};

async function takeAll(world: World, crowd: Crowd, { way, runner, build, digestOf }: Taker): Promise<Sample> {
  const { fixture, from, round, builds } = crowd;
  const name = `crowd-${builds}-${way}-${round}`;
  await chill(world);
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
    ...{ fixture: `${fixture.name}x${builds}`, case: 'at-once', way, round, seconds },
    ...(seen.runner && { runner: seen.runner }),
  };
}

// A checkout for each revision, as they are built side by side.
const asCheckout = ({ repository, revision }: Job) => ({
  ...repository,
  name: `${repository.name}-${revision}`,
});
const checkoutIn = (world: World, job: Job) => checkoutOf(world, { ...job, repository: asCheckout(job) });
