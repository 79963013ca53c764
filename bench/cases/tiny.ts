import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { imagesOf, settle } from '../engine.js';
import { openRepository, type Prepared } from '../fixtures/repository.js';
import { cpuOf, type Cpu } from '../process.js';
import { startRunner, type Runner } from '../runner.js';
import { buildCommand, ours, writeCredentials } from '../ways/ours.js';
import type { Job } from '../ways/way.js';
import type { World } from '../world.js';

export type Tiny = {
  /** Milliseconds from the client's word that it is authenticated to the first byte of the log, each of some builds. */
  firstLine: number[];
  /** CPU seconds of the runner for a warm build: the mean of many, since the system counts in ticks of 10 ms. */
  cpu: Cpu;
};

const BUILDS = 20;

/** What is asked of the same revision of a tiny repository, again and again, access proved lately. */
export async function measureTiny(world: World, { fixture, from }: Prepared): Promise<Tiny> {
  await using runner = await startRunner(world);
  await using repository = await openRepository(world, { fixture, from, name: 'tiny', commits: 1 });
  const revision = repository.revisions[0]!;
  await repository.publish(revision);
  const job: Job = { fixture, repository, revision, reference: `${imagesOf(world)}/tiny:1` };
  const way = ours(world, runner);
  // The first builds of a process are slower: its code is compiled as it is used.
  for (let n = 0; n < 5; n++) await way.build(job);
  await settle();
  const before = await cpuOf(runner.pid);
  for (let n = 0; n < BUILDS; n++) await way.build(job);
  const after = await cpuOf(runner.pid);
  const firstLine: number[] = [];
  for (let n = 0; n < BUILDS; n++) firstLine.push(await timeFirstLine(world, runner, job));
  return {
    firstLine,
    cpu: { own: (after.own - before.own) / BUILDS, children: (after.children - before.children) / BUILDS },
  };
}

async function timeFirstLine(world: World, runner: Runner, job: Job): Promise<number> {
  const words = ['-o', 'LogLevel=VERBOSE', ...runner.login, buildCommand(world, job)];
  const input = openSync(await writeCredentials(world), 'r');
  const child = spawn('ssh', words, { env: world.environment, stdio: [input, 'pipe', 'pipe'] });
  let authenticated: number | undefined;
  let first: number | undefined;
  child.stderr!.on('data', (chunk: Buffer) => {
    if (chunk.includes('Authenticated to')) authenticated ??= performance.now();
  });
  child.stdout!.on('data', () => (first ??= performance.now()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0 || authenticated === undefined || first === undefined)
    throw new Error(`ssh ended with ${code}; authenticated: ${authenticated}, first line: ${first}`);
  return first - authenticated;
}
