import type { Fixture, WayName } from '../fixtures/fixture.js';
import { startRunner, type Runner } from '../runner.js';
import { engine, kept, limit, remote } from '../ways/docker.js';
import { ours } from '../ways/ours.js';
import { people } from '../ways/people.js';
import type { Way } from '../ways/way.js';
import type { World } from '../world.js';

/** A way, and the runner behind it if it has one. */
export type Contender = { way: Way; runner?: Runner };

export interface Contenders extends AsyncDisposable {
  all: readonly Contender[];
  /** Ours, with a runner that has every access proved anew. */
  strict: Contender | undefined;
}

type Wanted = { fixture: Fixture; ways: readonly WayName[]; address: string };

/** The ways of a fixture. Its runners begin with nothing, and end with it. */
export async function openContenders(world: World, { fixture, ways, address }: Wanted): Promise<Contenders> {
  const wanted = ways.filter((name) => !fixture.ways || fixture.ways.includes(name));
  const settings = { ...(fixture.classic && { BUILDBOT_BUILDKIT: 'no' }) };
  const runners: Runner[] = [];
  const start = async (more: Record<string, string>): Promise<Contender> => {
    const runner = await startRunner(world, { ...settings, ...more });
    runners.push(runner);
    return { way: ours(world, runner), runner };
  };
  const isOurs = wanted.includes('ours');
  const [normal, strict] = isOurs ? [await start({}), await start({ BUILDBOT_ACCESS_TTL: '1ms' })] : [];
  const make: Record<WayName, () => Contender> = {
    ours: () => normal!,
    limit: () => ({ way: limit(world) }),
    kept: () => ({ way: kept(world) }),
    people: () => ({ way: people(world, address) }),
    remote: () => ({ way: remote(world, address) }),
    engine: () => ({ way: engine(world) }),
  };
  return {
    all: wanted.map((name) => make[name]()),
    strict: fixture.measured === 'revisions' ? strict : undefined,
    async [Symbol.asyncDispose]() {
      for (const runner of runners) await runner[Symbol.asyncDispose]();
    },
  };
}
