import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { lab } from '../lab/environment.js';
import { createRepository } from '../scenarios/repository.js';
import { startRunner, type Runner } from '../scenarios/runner.js';
import { contextOf, files, kinds, type World } from './mix.js';
import { type Sample, takeSample } from './sample.js';
import { judge, tableOf } from './verdict.js';

const BUILDS = Number(process.env.SOAK_BUILDS ?? 2000);
/** Builds between two samples, and how many of them at once. */
const BATCH = Math.min(20, Math.max(4, Math.round(BUILDS / 40)));
const AT_ONCE = 4;

it(`${BUILDS} builds leave nothing that grows`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'buildbot-soak-'));
  const temporary = await mkdtemp(join(directory, 'tmp-'));
  const heapFile = join(directory, 'heap');
  await using runner = await startRunner({
    BUILDBOT_MAX_BUILDS: '3',
    TMPDIR: temporary,
    NODE_OPTIONS: `--require ${resolve('test/soak/heap.cjs')}`,
    SOAK_HEAP: heapFile,
  });
  await using repository = await createRepository(files());
  await using master = await openMaster(runner, directory);
  let newImages = 0;
  const world: World = {
    runner,
    repository,
    image: `${lab('LAB_REGISTRY')}/soak/${randomUUID()}`,
    first: await repository.git('rev-parse', 'HEAD'),
    context: await contextOf(repository.directory),
    connection: master.connection,
    onNewImage: () => newImages++,
  };
  const [samples, wrong, started] = [[] as Sample[], [] as string[], Date.now()];
  for (let done = 0; done < BUILDS; done += BATCH) {
    wrong.push(...(await batch(world, done, Math.min(BATCH, BUILDS - done))));
    await idle(runner);
    samples.push(await takeSample({ runner, temporary, heapFile, newImages: () => newImages }));
    process.stderr.write(
      `soak: ${Math.min(done + BATCH, BUILDS)} of ${BUILDS}, ${Math.round((Date.now() - started) / 1000)} s\n`,
    );
  }
  const rows = judge(samples);
  const report = `# Soak\n\n${BUILDS} builds in ${Math.round((Date.now() - started) / 1000)} s. Medians of the second and the last quarter, measured every ${BATCH} builds while none runs.\n\n${tableOf(rows)}\n`;
  process.stdout.write(`\n${report}\n`);
  await writeFile('test/soak/RESULTS.md', report);
  await writeFile('test/soak/samples.json', JSON.stringify(samples));
  await rm(directory, { recursive: true });
  expect(wrong).toEqual([]);
  expect(rows.filter(({ grows }) => grows).map(({ metric }) => metric)).toEqual([]);
});

/** Says which builds did not end as they should. */
async function batch(world: World, from: number, count: number): Promise<string[]> {
  const wrong: string[] = [];
  const numbers = Array.from({ length: count }, (_, at) => from + at);
  const worker = async () => {
    for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
      const kind = kinds[number % kinds.length]!;
      const code = await kind.build(world, number);
      if (code !== kind.exit) wrong.push(`build ${number}, ${kind.name}: exit ${code} and not ${kind.exit}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return wrong;
}

/** A killed client's build ends after it. */
async function idle(runner: Runner): Promise<void> {
  while (!(await runner.ssh('status')).stdout.startsWith('0 of 3 running, 0 of'));
}

/** A connection that stays open, for all builds but each fourth. */
async function openMaster(runner: Runner, directory: string) {
  const path = join(directory, 'mux');
  const master = runner.open('', { options: ['-M', '-N', '-o', `ControlPath=${path}`] });
  while (
    !(await access(path).then(
      () => true,
      () => false,
    ))
  )
    await setTimeout(20);
  const ended = once(master, 'close');
  return {
    connection: (number: number) => ({ options: number % 4 === 0 ? [] : ['-o', `ControlPath=${path}`] }),
    async [Symbol.asyncDispose]() {
      master.kill();
      await ended;
    },
  };
}
