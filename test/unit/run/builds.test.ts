import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/model/errors.js';
import { createStepLimits } from '../../../src/run/step-limits.js';
import { eventSchema, type BuildEvent } from '../../../src/model/events.js';
import { resultSchema } from '../../../src/model/result.js';
import { revision } from '../../fakes/ports.js';
import { caller, inImage, request, run, started, submission, world, type World } from './world.js';

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
    expect(w.successes).toEqual([
      {
        build: result.id,
        caller: expect.any(String),
        repo: 'https://forge.example/a.git',
        revision: revision.id,
        images: ['registry.example/team/app:1@sha256:d', 'other.example/x:2@sha256:d'],
      },
    ]);
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

  it('gives the image no further name once it is cancelled, and takes its own away without patience', async () => {
    const w = world();
    const cancelled = new AbortController();
    const [tag, untag] = [w.engine.tag.bind(w.engine), w.engine.untag.bind(w.engine)];
    const hurried: unknown[] = [];
    w.engine.tag = (...given) => (cancelled.abort(), tag(...given));
    w.engine.untag = (name, signal) => (hurried.push(signal?.aborted), untag(name, signal));
    const result = await w.builds.submit(
      request('--no-push --tag 1 --tag 2'),
      submission(() => undefined, cancelled.signal),
    );
    expect(result.exitCode).toBe(130);
    expect([...w.engine.names.keys()]).toEqual(['registry.example/team/app:1']);
    expect(hurried).toEqual([true]);
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

  it('leaves a registry alone for as long as it asks, unless that is too long', async () => {
    const reference = 'registry.example/team/app:1';
    const busy = (retryAfter: number) => new Failure('PUSH_FAILED', '429', { transient: true, retryAfter });
    const w = world({ engine: { push: { [reference]: [busy(7_000), busy(200)] } } });
    expect((await run(w.builds, '-t 1')).result.exitCode).toBe(0);
    expect(w.clock.waited).toEqual([7_000, 2_000]);
    const shut = world({ engine: { push: { [reference]: [busy(3_600_000)] } } });
    expect((await run(shut.builds, '-t 1')).result).toMatchObject({
      exitCode: 4,
      failure: { code: 'PUSH_FAILED', message: expect.stringContaining('come back in 3600 s') },
    });
    expect(shut.clock.waited).toEqual([]);
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

describe('the time of a step', () => {
  it('ends the build, and says which limit it was and where it stands', async () => {
    const w = world({ engine: { hangs: true }, options: { stepTimeouts: { image: 20, push: 20 } } });
    const { result, events } = await run(w.builds);
    expect(result).toMatchObject({ exitCode: 124, failure: { step: 'image', code: 'TIMEOUT' } });
    expect(result.failure!.message).toBe(
      "the step 'image' took longer than 20ms; try again, or ask whoever runs this buildbot to raise image=… in BUILDBOT_STEP_TIMEOUTS",
    );
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'step.finished', step: 'image', status: 'failed' }),
    );
  });

  it('is not over when the step is: what it opened goes on with the build', () => {
    const limits = createStepLimits({ source: 2 ** 30 }, { onStart: () => undefined, why: () => '' });
    const build = new AbortController();
    const limit = limits('source', build.signal);
    limit[Symbol.dispose]();
    build.abort(new Error('enough'));
    expect(limit.signal.reason).toBe(build.signal.reason);
    expect(limit.over).toBeUndefined();
  });

  it('counts for who waits in the queue too', async () => {
    const w = world({ engine: { hangs: true }, options: { stepTimeouts: { queue: 20 } } });
    const first = new AbortController();
    const running = started(w.builds, '', first.signal, inImage);
    await running.reached;
    expect((await run(w.builds)).result).toMatchObject({ exitCode: 124, failure: { step: 'queue' } });
    first.abort(new Failure('CANCELLED', 'gone'));
    await running.result;
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
    expect(w.builds.list().map(({ id, state, ahead }) => [id, state, ahead])).toEqual([
      ['one', 'running', undefined],
      ['two', 'queued', 1],
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

  it('have names of their own for each caller', async () => {
    const w = world({ engine: { hangs: true }, options: { limits: { maxBuilds: 2, maxQueued: 1 } } });
    const callers = [caller, { ...caller, fingerprint: 'SHA256:y' }] as const;
    const ends = callers.map(() => new AbortController());
    const builds = callers.map((from, at) => started(w.builds, '--id one', ends[at]!.signal, inImage, from));
    await Promise.all(builds.map(({ reached }) => reached));
    await w.builds.find('one', callers[1])!.cancel(new Failure('CANCELLED', 'gone'));
    expect(w.builds.list().map((build) => build.caller.fingerprint)).toEqual([caller.fingerprint]);
    ends[0]!.abort(new Failure('CANCELLED', 'gone'));
    expect((await Promise.all(builds.map(({ result }) => result))).map(({ exitCode }) => exitCode)).toEqual([
      130, 130,
    ]);
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

  it('drain: what waits still gets its turn', async () => {
    const w = world({ engine: { hangs: true } });
    const [first, second] = [new AbortController(), new AbortController()];
    const running = started(w.builds, '', first.signal, inImage);
    await running.reached;
    const waiting = started(w.builds, '', second.signal, inImage);
    const drained = w.builds.drain();
    first.abort(new Failure('CANCELLED', 'gone'));
    await waiting.reached;
    second.abort(new Failure('CANCELLED', 'gone'));
    await drained;
    expect(await waiting.result).toMatchObject({ exitCode: 130 });
    await running.result;
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

const TWO = `
one: { registry: r.example, tags: ['{branch}', fixed], after-build: [[npm, test]], notify: [slack, webhook], secrets: [TOKEN] }
two: { registry: r.example, after-build: [check], publish: [{ to: s3, copy: /out, bucket: bkt, bucketPath: p, command: make }], notify: [webhook] }
`;
const files = { 'build.yml': TWO, Dockerfile: 'FROM base:1\n' };

describe('a build of several projects', () => {
  it('makes and tests all, then publishes, then pushes, then tells', async () => {
    const w = world({ files });
    const { result, events } = await run(w.builds, '', '');
    for (const event of events) eventSchema.parse(event);
    expect(result).toMatchObject({
      status: 'succeeded',
      published: [{ to: 's3', url: 's3://bkt/p/', files: 1 }],
    });
    const steps = result.steps.map(({ name, project }) =>
      project === undefined ? name : `${name} ${project}`,
    );
    const order = [
      'queue',
      'source',
      'plan',
      'image one',
      'test one',
      'image two',
      'test two',
      'publish two',
    ];
    expect(steps.slice(0, order.length)).toEqual(order);
    expect(steps.slice(order.length).toSorted()).toEqual(['notify', 'push one', 'push two']);
    const pushed = [...w.engine.registry.keys()].filter((ref) => !ref.endsWith(':buildbot-incoming'));
    expect(pushed.toSorted()).toEqual([
      'r.example/one:fixed',
      'r.example/one:main',
      `r.example/two:${revision.id}`,
    ]);
    expect(w.containers.specs.map(({ command, secrets }) => [command, [...secrets.keys()]])).toEqual([
      [['npm', 'test'], ['TOKEN']],
      ['check', []],
      ['make', []],
    ]);
    expect(
      w.notifier.told.map(([channel, { project, state }]) => `${channel} ${project} ${state}`).toSorted(),
    ).toEqual(['webhook one pending', 'webhook one success', 'webhook two pending', 'webhook two success']);
    expect(events.filter((event) => event.type === 'warning').map(({ message }) => message)).toEqual([
      'not notified: slack: 503',
    ]);
    expect([w.containers.open, w.engine.names.size, w.caches.held]).toEqual([0, 0, 0]);
  });

  it('delivers nothing when one of them fails its test', async () => {
    const w = world({ files, exits: ({ command }) => ({ exitCode: command === 'check' ? 3 : 0 }) });
    const { result } = await run(w.builds, '', '');
    expect(result).toMatchObject({
      exitCode: 1,
      failure: { step: 'test', project: 'two', code: 'TEST_FAILED', commandExitCode: 3 },
    });
    expect([w.engine.registry.size, w.artefacts.uploads, w.engine.names.size]).toEqual([0, [], 0]);
    expect(w.notifier.told.map(([, { state }]) => state).toSorted()).toEqual([
      'failure',
      'failure',
      'pending',
      'pending',
    ]);
    expect(w.failures.map(({ code }) => code)).toEqual(['TEST_FAILED']);
  });

  it('moves no tag while one repository refuses its image', async () => {
    const denied = new Failure('PUSH_DENIED', 'denied');
    const w = world({ files, engine: { push: { 'r.example/two:buildbot-incoming': [denied] } } });
    expect((await run(w.builds, '', '')).result).toMatchObject({
      exitCode: 4,
      failure: { code: 'PUSH_DENIED' },
    });
    expect([...w.engine.registry.keys()]).toEqual(['r.example/one:buildbot-incoming']);
  });

  it('loses no tag for want of an image, and calls the image as the caller does', async () => {
    const one = { Dockerfile: 'FROM base:1\n' };
    const lost = await run(world({ files: one }).builds, '-t r.example/x:1 -t 2', '');
    expect(lost.result).toMatchObject({ exitCode: 2, failure: { code: 'USAGE' } });
    expect(lost.result.failure?.message).toContain("'2'");
    const both = await run(world({ files: one }).builds, '-t r.example/y:9 -t 2', '--image r.example/x');
    expect(both.result.images).toMatchObject([{ name: 'r.example/x' }]);
  });

  it('does without that where a registry lets no tag move', async () => {
    const immutable = new Failure('PUSH_FAILED', "tag invalid: the image tag 'x' is immutable");
    const w = world({ files, engine: { push: { 'r.example/two:buildbot-incoming': [immutable] } } });
    const { result, events } = await run(w.builds, '', '');
    expect(result).toMatchObject({ exitCode: 0 });
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        message: expect.stringContaining('is immutable') as string,
      }),
    );
    expect(w.engine.registry.has(`r.example/two:${revision.id}`)).toBe(true);
  });

  it('chooses projects, and knows which there are', async () => {
    const w = world({ files });
    expect((await run(w.builds, '--project one', '')).result.images.map(({ project }) => project)).toEqual([
      'one',
    ]);
    expect(
      (await run(w.builds, '--project one --image x.example/y -t 1', '')).result.images[0]?.refs[0]?.ref,
    ).toBe('x.example/y:1');
    const wrong = await run(w.builds, '--service_id tow', '');
    expect(wrong.result).toMatchObject({ exitCode: 2, failure: { code: 'USAGE', step: 'plan' } });
    expect(wrong.result.failure?.message).toContain("did you mean 'two'");
    expect((await run(w.builds, '--image x.example/y', '')).result.failure?.message).toContain(
      'names one image',
    );
  });
});

describe('what the repository asks for', () => {
  it('a builder in build.sh: its tree is the context', async () => {
    const script = '#!/bin/sh\n#build_inside_docker_image=builder:1\nmake\n';
    const w = world({
      files: { 'build.sh': script, Dockerfile: 'FROM base:1\n#test_in_container_entrypoint=/test.sh\n' },
    });
    const { result } = await run(w.builds);
    expect(result.steps.map(({ name }) => name)).toEqual([
      'queue',
      'source',
      'plan',
      'builder',
      'image',
      'test',
      'push',
    ]);
    expect(
      w.containers.specs.map(({ image, command }) => [
        image.startsWith('buildbot-build:') ? 'new' : image,
        command,
      ]),
    ).toEqual([
      ['builder:1', 'exec ./build.sh'],
      ['new', ['/test.sh']],
    ]);
    expect(w.containers.open).toBe(0);
  });

  it('a builder that fails, or runs out of memory', async () => {
    const flags = '--builder-image b:1 --builder-command make --builder-cache /root/.npm';
    const failed = world({ exits: () => ({ exitCode: 2 }) });
    expect((await run(failed.builds, flags)).result).toMatchObject({
      exitCode: 1,
      failure: { step: 'builder', code: 'BUILDER_FAILED', commandExitCode: 2 },
    });
    const killed = world({ exits: () => ({ exitCode: 137, outOfMemory: { limit: 512 * 2 ** 20 } }) });
    expect((await run(killed.builds, flags)).result.failure?.message).toContain(
      'killed: out of memory, limit 512 MB',
    );
    expect([failed.containers.open, failed.caches.held]).toEqual([0, 0]);
  });

  it('a command that found the disk full: still its failure, with a hint', async () => {
    const w = world({
      engine: {
        log: ['dd: /large: No space left on device\n'],
        build: new Failure('DOCKERFILE_FAILED', 'RUN dd failed', { commandExitCode: 1 }),
      },
    });
    expect((await run(w.builds, '')).result.failure).toMatchObject({
      code: 'DOCKERFILE_FAILED',
      message: expect.stringMatching(/^RUN dd failed; disk full, it says/),
    });
  });

  it('every Dockerfile_NAME', async () => {
    const w = world({
      files: {
        Dockerfile: 'FROM base:1\n',
        Dockerfile_Worker: 'FROM base:2\n',
        Dockerfile_api: 'FROM base:3\n',
      },
    });
    const { result } = await run(w.builds, '-t 1');
    expect(result.images.map(({ name, base }) => [name, base])).toEqual([
      ['registry.example/team/app', 'base:1'],
      ['registry.example/team/app_worker', 'base:2'],
      ['registry.example/team/app_api', 'base:3'],
    ]);
  });

  it('secrets and S3 that were not lent: exit 2 before anything is made', async () => {
    const w = world({
      files: { 'build.yml': 'a: { registry: r.example, secrets: [NOPE] }', Dockerfile: 'FROM x\n' },
    });
    expect((await run(w.builds, '', '')).result).toMatchObject({
      exitCode: 2,
      failure: { message: expect.stringContaining('secrets.NOPE') as string },
    });
    expect((await run(world().builds, '', '--no-push')).result).toMatchObject({
      exitCode: 0,
      images: [{ name: 'a' }],
    });
  });

  it('plan: says what would be done, and does nothing', async () => {
    const w = world({ files });
    const goal = { ...request('', ''), goal: 'plan' as const };
    const events: BuildEvent[] = [];
    const { signal } = new AbortController();
    const result = await w.builds.submit(
      goal,
      submission((event) => void events.push(event), signal),
    );
    expect(result).toMatchObject({ exitCode: 0, images: [] });
    expect(w.successes).toEqual([]);
    const plan = events.find((event) => event.type === 'plan');
    expect(plan?.steps.map(({ step, project }) => `${step} ${project}`)).toEqual([
      'image one',
      'test one',
      'push one',
      'notify one',
      'image two',
      'test two',
      'publish two',
      'push two',
      'notify two',
    ]);
    expect([w.containers.specs.length, w.engine.names.size, w.notifier.told.length]).toEqual([0, 0, 0]);
  });
});
