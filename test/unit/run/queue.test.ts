import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQueue, type Queue } from '../../../src/run/queue.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));

type Build = {
  owner: string;
  number: number;
  aheads: number[];
  state: 'waiting' | 'running' | 'over';
  refused?: { code?: string };
  cancel: () => void;
  leave?: () => void;
};

/** A queue that is watched from outside, by what its builds are told. */
function watched(queue: Queue) {
  const builds: Build[] = [];
  const starts: Build[] = [];
  return {
    builds,
    starts,
    waiting: () =>
      builds.filter(({ state }) => state === 'waiting').sort((a, b) => a.aheads.at(-1)! - b.aheads.at(-1)!),
    running: () => builds.filter(({ state }) => state === 'running'),
    async come(owner: string, limit?: number): Promise<Build> {
      const end = new AbortController();
      const build: Build = {
        owner,
        number: builds.length,
        aheads: [],
        state: 'waiting',
        cancel: () => end.abort(new Error('enough')),
      };
      builds.push(build);
      const entry = {
        signal: end.signal,
        onAhead: (ahead: number) => void build.aheads.push(ahead),
        owner: { key: owner, ...(limit !== undefined && { limit }) },
      };
      queue.enter(entry).then(
        (leave) => {
          [build.state, build.leave] = ['running', leave];
          starts.push(build);
        },
        (error: { code?: string }) => ([build.state, build.refused] = ['over', error]),
      );
      await settled();
      return build;
    },
    async end(build: Build) {
      build.state = 'over';
      build.leave!();
      await settled();
    },
    async cancel(build: Build) {
      build.cancel();
      await settled();
    },
  };
}

const OWNERS = ['a', 'b', 'c', 'd'];
const LIMITS: Record<string, number> = { c: 1, d: 2 };
const MAX_QUEUED = 8;

const step = (owners: readonly string[]) =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('come' as const), owner: fc.constantFrom(...owners) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.constant({ do: 'aside' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'back' as const }) },
  );

describe('the queue, whatever comes', () => {
  const world = (owners: readonly string[]) =>
    [fc.integer({ min: 1, max: 4 }), fc.array(step(owners), { maxLength: 60, size: 'max' })] as const;

  async function play(
    maxBuilds: number,
    steps: readonly (ReturnType<typeof step> extends fc.Arbitrary<infer S> ? S : never)[],
    check: (all: ReturnType<typeof watched>, aside: number) => void = () => undefined,
  ) {
    const queue = createQueue({ maxBuilds, maxQueued: MAX_QUEUED });
    const all = watched(queue);
    const aside: (() => void)[] = [];
    for (const next of steps) {
      const running = all.running();
      const waiting = all.waiting();
      if (next.do === 'come') await all.come(next.owner, LIMITS[next.owner]);
      if (next.do === 'end' && running.length > 0) await all.end(running[next.which % running.length]!);
      if (next.do === 'cancel' && waiting.length > 0) await all.cancel(waiting[next.which % waiting.length]!);
      if (next.do === 'aside') aside.push(...[queue.tryEnter() ?? []].flat());
      if (next.do === 'back') aside.pop()?.();
      await settled();
      check(all, aside.length);
    }
    for (const leave of aside) leave();
    await settled();
    return all;
  }

  it('never runs more than there are places, leaves none empty, and keeps to the limits of owners', async () => {
    await fc.assert(
      fc.asyncProperty(...world(OWNERS), async (maxBuilds, steps) => {
        await play(maxBuilds, steps, (all, aside) => {
          const running = all.running();
          const free = maxBuilds - running.length - aside;
          const mayRunMore = (owner: string) =>
            running.filter((build) => build.owner === owner).length < (LIMITS[owner] ?? Infinity);
          expect(free).toBeGreaterThanOrEqual(0);
          for (const owner of OWNERS)
            expect(running.filter((build) => build.owner === owner).length).toBeLessThanOrEqual(
              LIMITS[owner] ?? maxBuilds,
            );
          if (free > 0) expect(all.waiting().filter(({ owner }) => mayRunMore(owner))).toEqual([]);
          expect(all.waiting().length).toBeLessThanOrEqual(2 * MAX_QUEUED);
        });
      }),
    );
  });

  it("tells who waits 1, 2, 3 …, each change once, and starts an owner's builds in the order of their coming", async () => {
    await fc.assert(
      fc.asyncProperty(...world(OWNERS), async (maxBuilds, steps) => {
        const all = await play(maxBuilds, steps, ({ waiting }) =>
          expect(waiting().map(({ aheads }) => aheads.at(-1))).toEqual(waiting().map((_, at) => at + 1)),
        );
        for (const { aheads } of all.builds)
          for (const [at, ahead] of aheads.entries()) expect(ahead).not.toBe(aheads[at - 1]);
        for (const owner of OWNERS) {
          const numbers = all.starts.filter((build) => build.owner === owner).map(({ number }) => number);
          expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
        }
      }),
    );
  });

  it('starts each after as many places as it was told, where nobody comes and nobody waits for a limit', async () => {
    await fc.assert(
      fc.asyncProperty(...world(['a', 'b', 'e', 'f']), async (maxBuilds, steps) => {
        const all = await play(maxBuilds, steps);
        const told = all.waiting().map((build) => ({ build, ahead: build.aheads.at(-1)! }));
        const before = all.starts.length;
        for (let [next] = all.running(); next; [next] = all.running()) await all.end(next);
        for (const { build, ahead } of told) expect(all.starts.indexOf(build) - before).toBe(ahead - 1);
      }),
    );
  });

  it('lets nobody wait for more than two builds of each other owner, whoever comes later', async () => {
    const owners = ['a', 'b', 'e'];
    await fc.assert(
      fc.asyncProperty(...world(owners), async (maxBuilds, steps) => {
        const since = new Map<Build, number>();
        const all = await play(maxBuilds, steps, ({ builds, starts }) => {
          const newest = builds.at(-1);
          if (newest === undefined || since.has(newest)) return;
          const alone = !builds.some(
            (other) => other !== newest && other.owner === newest.owner && other.state === 'waiting',
          );
          since.set(newest, alone ? starts.length : Infinity);
        });
        for (const [build, at] of since) {
          const place = all.starts.indexOf(build);
          const until = place >= 0 ? place : build.state === 'waiting' ? all.starts.length : at;
          const between = all.starts.slice(at, until).filter(({ owner }) => owner !== build.owner);
          expect(between.length).toBeLessThanOrEqual(2 * (owners.length - 1));
        }
      }),
    );
  });
});

describe('the queue', () => {
  it('does not let fifty builds of one key hold up the single one of another', async () => {
    const all = watched(createQueue({ maxBuilds: 1, maxQueued: 64 }));
    for (let n = 0; n < 50; n++) await all.come('many');
    const [last] = all.waiting().slice(-1);
    expect(last!.aheads).toEqual([49]);
    const single = await all.come('single');
    expect(single.aheads).toEqual([1]);
    expect(last!.aheads).toEqual([49, 50]);
    await all.end(all.running()[0]!);
    expect(single.state).toBe('running');
  });

  it('does not put off who takes builds back', async () => {
    const all = watched(createQueue({ maxBuilds: 1, maxQueued: 64 }));
    for (let n = 0; n < 10; n++) await all.come('hasty');
    for (const build of all.waiting().slice(0, -1)) await all.cancel(build);
    for (let n = 0; n < 5; n++) await all.come('other');
    const kept = all.waiting().find(({ owner }) => owner === 'hasty');
    expect(kept!.aheads.at(-1)).toBeLessThanOrEqual(2);
    await all.cancel(kept!);
    expect((await all.come('hasty')).aheads[0]).toBeLessThanOrEqual(3);
  });

  it('is never full for a key of which nothing waits, up to twice its size', async () => {
    const all = watched(createQueue({ maxBuilds: 1, maxQueued: 2 }));
    for (let n = 0; n < 3; n++) await all.come('many');
    expect((await all.come('many')).refused).toMatchObject({ code: 'QUEUE_FULL' });
    expect((await all.come('one')).aheads).toEqual([1]);
    expect((await all.come('one')).refused).toMatchObject({ code: 'QUEUE_FULL' });
    expect((await all.come('two')).state).toBe('waiting');
    expect((await all.come('three')).refused).toMatchObject({ code: 'QUEUE_FULL' });
    const limited = watched(createQueue({ maxBuilds: 2, maxQueued: 0 }));
    await limited.come('a', 1);
    expect((await limited.come('a', 1)).refused).toMatchObject({
      message: 'this key has max-builds="1" and runs as many, 0 wait: there is no room for one more',
    });
    const closed = watched(createQueue({ maxBuilds: 1, maxQueued: 0 }));
    await closed.come('a');
    expect((await closed.come('b')).refused).toMatchObject({ code: 'QUEUE_FULL' });
  });
});
