import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildAtOnce } from './cases/at-once.js';
import { openContenders } from './cases/contender.js';
import type { Sample } from './cases/sample.js';
import { measureTiny } from './cases/tiny.js';
import { takeTurn } from './cases/turn.js';
import { warmUp } from './cases/warm-up.js';
import { chill } from './engine.js';
import { fixtures } from './fixtures/index.js';
import type { Fixture, WayName } from './fixtures/fixture.js';
import { makeImages } from './fixtures/images.js';
import { removeFixture, writeFixture, type Prepared } from './fixtures/repository.js';
import { describeMachine } from './machine.js';
import { report } from './report/report.js';
import type { Results } from './report/results.js';
import { readSelection } from './selection.js';
import { startSshd } from './ways/sshd.js';
import { openWorld } from './world.js';

const CROWDS = [8, 32];
const CROWD_ROUNDS = 3;
/** Ways that no goal is about. */
const BESIDE = new Set<WayName>(['kept', 'remote']);
const BESIDE_ROUNDS = 2;

const selection = readSelection(process.argv.slice(2));
const world = await openWorld();
await using sshd = await startSshd(world);
const started = performance.now();
const say = (line: string) =>
  process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${line}\n`);

const samples: Sample[] = [];
const tiny = await prepareFixture(fixtures[0]!);
for (const fixture of fixtures) if (selection.wants(fixture.name)) await measureFixture(fixture);
if (selection.wants('at-once')) await measureCrowds();
const tinyResults = selection.wants('tiny') ? await measureTiny(world, tiny) : undefined;

const seconds = (performance.now() - started) / 1000;
const machine = await describeMachine(world);
await writeResults({ machine, seconds, samples, ...(tinyResults && { tiny: tinyResults }) });

async function prepareFixture(fixture: Fixture): Promise<Prepared> {
  say(`${fixture.name}: ${fixture.title}`);
  await makeImages(world, fixture);
  return { fixture, from: await writeFixture(world, fixture) };
}

async function measureFixture(fixture: Fixture): Promise<void> {
  const prepared = fixture === tiny.fixture ? tiny : await prepareFixture(fixture);
  await using contenders = await openContenders(world, {
    ...{ fixture, ways: selection.ways, address: sshd.address },
  });
  const { all, strict } = contenders;
  for (const contender of [...all, ...(strict ? [strict] : [])]) await warmUp(world, contender, tiny);
  for (let round = 0; round < (selection.rounds ?? fixture.rounds); round++) {
    // Another one begins each time.
    const turned = all.map((_, n) => all[(n + round) % all.length]!);
    const order = turned.filter(({ way }) => round < BESIDE_ROUNDS || !BESIDE.has(way.name));
    for (const contender of order) {
      const own = contender.way.name === 'ours' ? strict : undefined;
      for await (const sample of takeTurn(world, { ...prepared, round, contender, strict: own }))
        keep(sample);
    }
  }
  await chill(world);
  if (prepared !== tiny) await removeFixture(world, fixture);
}

async function measureCrowds(): Promise<void> {
  for (let round = 0; round < (selection.rounds ?? CROWD_ROUNDS); round++)
    for (const builds of CROWDS)
      for await (const sample of buildAtOnce(world, { ...tiny, round, builds })) keep(sample);
}

function keep(sample: Sample): void {
  samples.push(sample);
  const { fixture, round, case: name, way, seconds } = sample;
  say(`${fixture} round ${round + 1}: ${name.padEnd(10)} ${way.padEnd(7)} ${seconds.toFixed(3)} s`);
}

async function writeResults(results: Results): Promise<void> {
  const text = report(results);
  const directory = selection.whole ? 'bench' : 'bench/dist';
  if (selection.whole) await writeFile(join(directory, 'RESULTS.md'), text);
  await writeFile(join(directory, 'results.json'), `${JSON.stringify(results, undefined, 1)}\n`);
  process.stdout.write(text);
}
