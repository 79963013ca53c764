import { afterEach, describe, expect, it, vi } from 'vitest';
import { CallerGone } from '../../../src/model/caller.js';
import { Failure } from '../../../src/model/errors.js';
import type { BuildEvent } from '../../../src/model/events.js';
import { caller, inImage, request, run, started, submission, world } from './world.js';

const never = new AbortController().signal;
const other = { ...caller, fingerprint: 'SHA256:y' };
const operator = { ...other, rights: { everyBuild: true as const } };

/** A build that hangs in its image step, and its caller's line. */
async function hanging(flags: string, options = {}) {
  const w = world({ engine: { hangs: true }, options });
  const line = new AbortController();
  const build = started(w.builds, `--id one ${flags}`, line.signal, inImage);
  await build.reached;
  return {
    ...w,
    ...build,
    hangUp: () => line.abort(new CallerGone()),
    interrupt: () => line.abort(new Error('Ctrl-C')),
  };
}

afterEach(() => void vi.useRealTimers());

describe('a build whose caller goes away', () => {
  it('ends by default', async () => {
    const { hangUp, result } = await hanging('');
    hangUp();
    expect(await result).toMatchObject({
      exitCode: 130,
      failure: { message: expect.stringContaining('went away') as string },
    });
  });

  it('--on-disconnect detach: goes on, and somebody who comes back gets all of it and the verdict', async () => {
    const { builds, hangUp, result } = await hanging('--on-disconnect detach');
    hangUp();
    expect(builds.list(caller)).toMatchObject([{ id: 'one', state: 'running', step: 'image' }]);
    const seen: BuildEvent[] = [];
    const following = builds.find('one', caller)!.follow((event) => void seen.push(event), never);
    builds.cancelAll(new Failure('CANCELLED', 'enough'));
    expect(await following).toMatchObject({ exitCode: 130 });
    expect(seen[0]).toMatchObject({ type: 'step.started', step: 'queue' });
    await result;
    expect(builds.list(caller)).toMatchObject([{ id: 'one', state: 'ended', exitCode: 130 }]);
    expect(await builds.find('one', caller)!.follow(() => undefined, never)).toMatchObject({ exitCode: 130 });
    await builds.find('one', caller)!.cancel(new Failure('CANCELLED', 'too late'));
  });

  it('--on-disconnect detach: Ctrl-C ends it all the same', async () => {
    const { interrupt, result, builds } = await hanging('--on-disconnect detach');
    interrupt();
    expect(await result).toMatchObject({ exitCode: 130 });
    expect(builds.list()).toMatchObject([{ state: 'ended', exitCode: 130 }]);
  });

  it('--on-disconnect grace: waits for somebody, and ends where nobody comes', async () => {
    const { hangUp, result } = await hanging('--on-disconnect grace=10ms');
    hangUp();
    expect((await result).failure?.message).toContain('nobody attached within 10ms');
  });

  it('--on-disconnect grace: the time begins anew when the last one has left', async () => {
    const { builds, hangUp, result } = await hanging('--on-disconnect grace=60s');
    vi.useFakeTimers();
    const visitor = new AbortController();
    hangUp();
    vi.advanceTimersByTime(59_000);
    const visit = builds.find('one', caller)!.follow(() => undefined, visitor.signal);
    vi.advanceTimersByTime(120_000);
    visitor.abort();
    expect(await visit).toBeUndefined();
    vi.advanceTimersByTime(59_000);
    expect(builds.list()).toMatchObject([{ state: 'running' }]);
    vi.advanceTimersByTime(1_000);
    expect(await result).toMatchObject({ exitCode: 130 });
  });

  it('the verdict is kept also where the caller seems to be there: a dead link is noticed late', async () => {
    const w = world();
    await run(w.builds, '--id one --on-disconnect detach');
    expect(await w.builds.find('one', caller)!.follow(() => undefined, never)).toMatchObject({ exitCode: 0 });
    await run(w.builds, '--id two');
    expect(w.builds.find('two', caller)).toBeUndefined();
  });

  it('nobody else pushes a verdict out, nor by the same id', async () => {
    const w = world();
    const detached = (id: string) => request(`--id ${id} --on-disconnect detach`);
    await w.builds.submit(
      detached('one'),
      submission(() => undefined, never),
    );
    for (const id of ['one', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'])
      await w.builds.submit(
        detached(id),
        submission(() => undefined, never, other),
      );
    expect(w.builds.list(caller)).toMatchObject([{ id: 'one', state: 'ended', watched: false }]);
    expect(w.builds.list(other).map(({ id }) => id)).toEqual(['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']);
  });
});

describe('the builds of others', () => {
  it('are not seen, unless the key may see all', async () => {
    const { builds, hangUp, result } = await hanging('');
    expect(builds.find('one', other)).toBeUndefined();
    expect(builds.list(other)).toEqual([]);
    expect(builds.list(operator)).toHaveLength(1);
    await builds.find('one', operator)!.cancel(new Failure('CANCELLED', 'cancelled by the operator'));
    expect((await result).failure?.message).toContain('cancelled by the operator');
    hangUp();
  });
});

describe('max-builds of a key', () => {
  it('lets its further builds wait, and others overtake them', async () => {
    const w = world({ engine: { hangs: true }, options: { limits: { maxBuilds: 3, maxQueued: 3 } } });
    const few = { ...caller, rights: { maxBuilds: 1 } };
    const waits = (event: BuildEvent) => event.type === 'build.queued' && event.ahead > 0;
    const first = started(w.builds, '--id a', never, inImage, few);
    await first.reached;
    const second = started(w.builds, '--id b', never, (event) => waits(event) || inImage(event), few);
    await second.reached;
    const third = started(w.builds, '--id c', never, inImage, other);
    await third.reached;
    const states = () => w.builds.list().map(({ id, state }) => `${id} ${state}`);
    expect(states()).toEqual(['a running', 'b queued', 'c running']);
    await w.builds.find('a', few)!.cancel(new Failure('CANCELLED', 'enough'));
    await vi.waitFor(() => expect(states()).toEqual(['b running', 'c running']));
    w.builds.cancelAll(new Failure('CANCELLED', 'enough'));
    await Promise.all([first.result, second.result, third.result]);
  });
});
