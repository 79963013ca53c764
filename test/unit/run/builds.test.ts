import { describe, expect, it } from 'vitest';
import { noCredentials } from '../../../src/model/credentials.js';
import { Failure } from '../../../src/model/errors.js';
import { eventSchema, type BuildEvent } from '../../../src/model/events.js';
import { resultSchema } from '../../../src/model/result.js';
import { toBuildRequest } from '../../../src/request/build-request.js';
import { parseCommand } from '../../../src/request/parse.js';
import { splitCommand } from '../../../src/request/split.js';
import { createBuilds, type Builds, type BuildsOptions } from '../../../src/run/builds.js';
import {
  fakeClock,
  fakeEngine,
  fakeSource,
  fakeWorkspaces,
  revision,
  type EngineKnobs,
} from '../../fakes/ports.js';

const caller = { fingerprint: 'SHA256:x', comment: 'me', address: '192.0.2.1' };

function request(flags = '') {
  const line = `build --repo https://forge.example/a.git --image registry.example/team/app ${flags}`;
  return toBuildRequest(parseCommand(splitCommand(line), { local: false }).flags, noCredentials);
}

type World = {
  files?: Record<string, string>;
  engine?: EngineKnobs;
  source?: Failure;
  options?: Partial<BuildsOptions>;
};

function world({ files = { Dockerfile: 'FROM base:1\n' }, engine = {}, source, options = {} }: World = {}) {
  const ports = {
    source: fakeSource(files, source),
    engine: fakeEngine(engine),
    workspaces: fakeWorkspaces(),
    clock: fakeClock(),
  };
  const builds = createBuilds(ports, {
    limits: { maxBuilds: 1, maxQueued: 1 },
    maxTimeout: 60_000,
    ...options,
  });
  return { ...ports, builds };
}

async function run(builds: Builds, flags = '', signal = new AbortController().signal) {
  const events: BuildEvent[] = [];
  const result = await builds.submit(request(flags), {
    caller,
    emit: (event) => void events.push(event),
    signal,
  });
  return { events, result };
}

/** Resolves when the build has said something that fits. */
function started(builds: Builds, flags: string, signal: AbortSignal, until: (event: BuildEvent) => boolean) {
  let seen: () => void;
  const reached = new Promise<void>((resolve) => (seen = resolve));
  const result = builds.submit(request(flags), {
    caller,
    emit: (event) => void (until(event) && seen()),
    signal,
  });
  return { reached, result };
}
const inImage = (event: BuildEvent) => event.type === 'step.started' && event.step === 'image';

describe('a build', () => {
  it('goes its way: events in order, valid by their schema, nothing left', async () => {
    const w = world();
    const { events, result } = await run(w.builds, '-t 1 -t other.example/x:2');
    for (const event of events) eventSchema.parse(event);
    const steps = events.flatMap((event) => (event.type === 'step.started' ? [event.step] : []));
    expect(steps).toEqual(['queue', 'source', 'plan', 'image', 'push']);
    expect(events.at(-1)).toMatchObject({ type: 'result', status: 'succeeded' });
    expect(resultSchema.parse(result)).toMatchObject({
      exitCode: 0,
      source: {
        repo: 'https://forge.example/a.git',
        ref: 'main',
        revision: revision.id,
        author: revision.author,
      },
      images: [
        {
          project: 'app',
          name: 'registry.example/team/app',
          base: 'base:1',
          digest: 'sha256:d',
          refs: [{ pushed: true }, { ref: 'other.example/x:2', pushed: true }],
        },
      ],
    });
    expect([w.engine.names.size, w.source.open, w.workspaces.open, w.builds.list().length]).toEqual([
      0, 0, 0, 0,
    ]);
  });

  it('tags with the commit id by default, and with --no-push only in the engine', async () => {
    const w = world();
    const { result } = await run(w.builds, '--no-push');
    expect([...w.engine.names.keys()]).toEqual([`registry.example/team/app:${revision.id}`]);
    expect(result.images[0]?.refs).toEqual([
      { ref: `registry.example/team/app:${revision.id}`, pushed: false },
    ]);
    expect(w.engine.registry.size).toBe(0);
  });

  it.each<[string, World, string, object]>([
    [
      'no Dockerfile',
      { files: { 'a.txt': '' } },
      '',
      { exitCode: 2, failure: { step: 'plan', code: 'DOCKERFILE_NOT_FOUND' } },
    ],
    ['no such directory', {}, '--context-path nope', { exitCode: 2, failure: { code: 'CONTEXT_NOT_FOUND' } }],
    [
      'a source that fails',
      { source: new Failure('SOURCE_DENIED', 'no') },
      '',
      { exitCode: 3, failure: { step: 'source' } },
    ],
    [
      'a RUN that fails',
      { engine: { build: new Failure('DOCKERFILE_FAILED', 'RUN false', { commandExitCode: 7 }) } },
      '',
      { exitCode: 1, status: 'failed', failure: { step: 'image', commandExitCode: 7 }, images: [] },
    ],
    [
      'a bug',
      { engine: { build: new TypeError('oops') as Failure } },
      '',
      { exitCode: 70, status: 'error', failure: { code: 'INTERNAL' } },
    ],
  ])('%s', async (_, knobs, flags, expected) => {
    const w = world(knobs);
    const { result, events } = await run(w.builds, flags);
    expect(result).toMatchObject(expected);
    expect(events.at(-1)?.type).toBe('result');
    expect([w.engine.names.size, w.source.open, w.workspaces.open]).toEqual([0, 0, 0]);
  });

  it('tries a push again after transient errors only, and tells what is up', async () => {
    const transient = new Failure('PUSH_FAILED', '503', { transient: true });
    const denied = new Failure('PUSH_DENIED', 'denied');
    const w = world({
      engine: {
        push: {
          'registry.example/team/app:1': [transient, transient],
          'registry.example/team/app:2': [denied],
        },
      },
    });
    const { result, events } = await run(w.builds, '-t 1 -t 2');
    expect(w.clock.waited).toEqual([1000, 2000]);
    expect(events.filter(({ type }) => type === 'warning')).toHaveLength(2);
    expect(result).toMatchObject({ exitCode: 4, failure: { step: 'push', code: 'PUSH_DENIED' } });
    expect(result.images[0]?.refs).toMatchObject([{ pushed: true, digest: 'sha256:d' }, { pushed: false }]);
    const exhausted = world({ engine: { push: { 'registry.example/team/app:1': [transient, transient] } } });
    expect((await run(exhausted.builds, '-t 1 --push-retry 1')).result).toMatchObject({ exitCode: 4 });
  });

  it('is cancelled by its caller, whatever the engine says about it', async () => {
    const w = world({ engine: { hangs: true } });
    const caller = new AbortController();
    const { reached, result } = started(w.builds, '', caller.signal, inImage);
    await reached;
    caller.abort(new Failure('CANCELLED', 'gone'));
    expect(await result).toMatchObject({
      status: 'cancelled',
      exitCode: 130,
      failure: { step: 'image', code: 'CANCELLED' },
      steps: [{}, {}, {}, { status: 'cancelled' }],
    });
    expect([w.engine.names.size, w.engine.running, w.source.open, w.workspaces.open]).toEqual([0, 0, 0, 0]);
  });

  it('ends at its time limit, and at the maximum of the server', async () => {
    const hanging = { engine: { hangs: true } };
    expect((await run(world(hanging).builds, '--timeout 20ms')).result).toMatchObject({
      status: 'timed-out',
      exitCode: 124,
    });
    const strict = world({ ...hanging, options: { maxTimeout: 20 } });
    expect((await run(strict.builds, '--timeout 1h')).result).toMatchObject({
      exitCode: 124,
      failure: { code: 'TIMEOUT' },
    });
  });
});

describe('the builds of a runner', () => {
  it('wait in order, refuse one too many, and let one leave the queue', async () => {
    const w = world({ engine: { hangs: true } });
    const [first, second] = [new AbortController(), new AbortController()];
    const running = started(w.builds, '--id one', first.signal, inImage);
    await running.reached;
    const waiting = started(
      w.builds,
      '--id two',
      second.signal,
      (event) => event.type === 'build.queued' && event.ahead === 1,
    );
    await waiting.reached;
    expect(w.builds.list().map(({ id, state }) => [id, state])).toEqual([
      ['one', 'running'],
      ['two', 'queued'],
    ]);
    expect((await run(w.builds)).result).toMatchObject({
      status: 'busy',
      exitCode: 75,
      failure: { step: 'queue', code: 'QUEUE_FULL' },
    });
    await expect(run(w.builds, '--id one')).rejects.toMatchObject({ code: 'USAGE' });
    second.abort(new Failure('CANCELLED', 'gone'));
    expect(await waiting.result).toMatchObject({ exitCode: 130 });
    first.abort(new Failure('CANCELLED', 'gone'));
    expect(await running.result).toMatchObject({ exitCode: 130 });
    expect(w.builds.list()).toEqual([]);
  });

  it('start when their turn comes', async () => {
    const w = world({ engine: { hangs: true } });
    const first = new AbortController();
    const running = started(w.builds, '', first.signal, inImage);
    await running.reached;
    const second = new AbortController();
    const waiting = started(w.builds, '', second.signal, inImage);
    first.abort(new Failure('CANCELLED', 'gone'));
    await waiting.reached;
    second.abort(new Failure('CANCELLED', 'gone'));
    expect((await waiting.result).startedAt).toBeDefined();
  });

  it('drain: no new ones, the running ones come to their end', async () => {
    const w = world({ engine: { hangs: true } });
    const running = started(w.builds, '', new AbortController().signal, inImage);
    await running.reached;
    const drained = w.builds.drain();
    await expect(run(w.builds)).rejects.toMatchObject({ code: 'DRAINING', exitCode: 75 });
    w.builds.cancelAll(new Failure('CANCELLED', 'shutting down'));
    await drained;
    expect(await running.result).toMatchObject({ exitCode: 130 });
  });
});
