import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildAtOnce } from './cases/at-once.js';
import { openContenders } from './cases/contender.js';
import type { Sample } from './cases/sample.js';
import { measureTiny, type Tiny } from './cases/tiny.js';
import { takeTurn } from './cases/turn.js';
import { chill } from './engine.js';
import { fixtures } from './fixtures/index.js';
import type { Fixture } from './fixtures/fixture.js';
import { makeImages } from './fixtures/images.js';
import { writeFixture } from './fixtures/repository.js';
import { describeMachine } from './machine.js';
import { report } from './report/report.js';
import type { Results } from './report/results.js';
import { readSelection, type Selection } from './selection.js';
import { startSshd } from './ways/sshd.js';
import { openWorld, type World } from './world.js';

const CROWDS = [8, 32];
const CROWD_ROUNDS = 3;

const selection = readSelection(process.argv.slice(2));
const world = await openWorld();
await using sshd = await startSshd(world);
const started = performance.now();
const say = (line: string) =>
  process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${line}\n`);

const samples: Sample[] = [];
for (const fixture of fixtures)
  if (selection.wants(fixture.name))
    await measureFixture(fixture, { world, selection, address: sshd.address });

const [tinyFixture] = fixtures;
const tinyHistory = () => prepareFixture(tinyFixture!, world);
if (selection.wants('at-once')) await measureCrowds(await tinyHistory());
const tiny: Tiny | undefined = selection.wants('tiny')
  ? await measureTiny(world, tinyFixture!, await tinyHistory())
  : undefined;

const seconds = (performance.now() - started) / 1000;
await writeResults({ machine: await describeMachine(world), seconds, samples, ...(tiny && { tiny }) });

async function prepareFixture(fixture: Fixture, world: World): Promise<string> {
  say(`${fixture.name}: ${fixture.title}`);
  await makeImages(world, fixture);
  return writeFixture(world, fixture);
}

type Setting = { world: World; selection: Selection; address: string };

async function measureFixture(fixture: Fixture, { world, selection, address }: Setting): Promise<void> {
  const from = await prepareFixture(fixture, world);
  await using contenders = await openContenders(world, { fixture, ways: selection.ways, address });
  const { all, strict } = contenders;
  for (let round = 0; round < (selection.rounds ?? fixture.rounds); round++) {
    // Another one begins each time.
    const order = all.map((_, n) => all[(n + round) % all.length]!);
    for (const contender of order)
      for await (const sample of takeTurn(world, {
        ...{ fixture, from, round, contender },
        strict: contender.way.name === 'ours' ? strict : undefined,
      }))
        keep(sample);
  }
  await chill(world);
  await rm(join(world.directory, 'fixtures'), { recursive: true, force: true });
}

async function measureCrowds(from: string): Promise<void> {
  for (let round = 0; round < (selection.rounds ?? CROWD_ROUNDS); round++)
    for (const builds of CROWDS)
      for await (const sample of buildAtOnce(world, { fixture: tinyFixture!, from, round, builds }))
        keep(sample);
}

function keep(sample: Sample): void {
  samples.push(sample);
  const { fixture, round, case: name, way, seconds } = sample;
  say(`${fixture} round ${round + 1}: ${name.padEnd(10)} ${way.padEnd(7)} ${seconds.toFixed(3)} s`);
}

async function writeResults(results: Results): Promise<void> {
  const text = report(results);
  const directory = selection.whole ? 'bench' : 'bench/dist';
  await writeFile(join(directory, 'RESULTS.md'), text);
  await writeFile(join(directory, 'results.json'), `${JSON.stringify(results, undefined, 1)}\n`);
  process.stdout.write(text);
}
