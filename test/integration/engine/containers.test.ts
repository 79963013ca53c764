import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { GRACE } from '../../../src/adapters/docker/container-stop.js';
import { createDockerContainers } from '../../../src/adapters/docker/containers.js';
import { createDockerEngine } from '../../../src/adapters/docker/engine.js';
import type { StepEvent } from '../../../src/model/events.js';
import type { Command } from '../../../src/model/project.js';
import {
  container,
  type containerSpec,
  containersOf,
  temporaryVolume,
  watchedWay,
} from './containers-lab.js';
import { baseImage, docker, failureOf, lab, password, recorder, uniqueTag } from './lab.js';

async function run(command: Command, change: Partial<Parameters<typeof containerSpec>[0]> = {}) {
  await using made = await container({ command, ...change });
  const exit = await made.run(made.io);
  return { exit, stdout: made.io.stdout(), stderr: made.io.stderr(), events: made.io.events };
}

describe('output', () => {
  test('of both streams comes whole, the last line ended', async () => {
    const script =
      'for i in $(seq 1 500); do echo out $i; echo err $i >&2; done; printf open; printf shut >&2';
    const { stdout, stderr, events, exit } = await run(script);
    const lines = (name: string) => Array.from({ length: 500 }, (_, i) => `${name} ${i + 1}\n`).join('');
    expect(stdout).toBe(`${lines('out')}open\n`);
    expect(stderr).toBe(`${lines('err')}shut\n`);
    expect(events.every((event) => event.type === 'log' && event.text.endsWith('\n'))).toBe(true);
    expect(exit).toEqual({ exitCode: 0 });
  });

  test('comes while it is made', async () => {
    await using volume = await temporaryVolume();
    const caches = new Map([[volume.name, '/shared']]);
    const wait = 'echo ready; until [ -e /shared/go ]; do usleep 1000; done; echo gone';
    await using made = await container({ command: wait, caches });
    const running = made.run(made.io);
    await made.io.seen(/^ready$/m);
    expect((await run('touch /shared/go', { caches })).exit.exitCode).toBe(0);
    await running;
    expect(made.io.stdout()).toBe('ready\ngone\n');
  });

  test('of 200 MB comes complete and in order, in flat memory', async () => {
    const [first, last] = [100_000_000, 120_000_000];
    await using made = await container({ command: `seq ${first} ${last}` });
    const before = process.memoryUsage().rss;
    let [lines, bytes, events, peak, ordered, next] = [0, 0, 0, 0, true, first];
    const emit = (event: StepEvent) => {
      if (event.type !== 'log') return;
      ordered &&= event.text.startsWith(`${next}`);
      const count = event.text.split('\n').length - 1;
      [lines, bytes, events] = [lines + count, bytes + event.text.length, events + 1];
      next += count;
      if (events % 50 === 0) peak = Math.max(peak, process.memoryUsage().rss);
    };
    await made.run({ ...made.io, emit });
    expect({ lines, ordered }).toEqual({ lines: last - first + 1, ordered: true });
    expect(bytes).toBe(10 * lines);
    expect(events).toBeLessThan(lines / 100);
    expect(peak - before).toBeLessThan(100e6);
  }, 180_000);

  test('waits for a slow reader in the container, not in memory', async () => {
    const command = 'yes 0123456789 | head -c 40000000; echo end';
    const build = `test-${randomUUID()}`;
    await using stalled = await container({ command, build });
    const [entered, release] = [deferred(), deferred()];
    let bytes = 0;
    const running = stalled.run({
      ...stalled.io,
      emit(event) {
        entered.resolve();
        if (event.type === 'log') bytes += event.text.length;
        return release.promise;
      },
    });
    await entered.promise;
    // The same with a reader that keeps up ends, which is time enough for the other one.
    expect((await run(command)).stdout).toMatch(/end\n$/);
    expect(bytes).toBeLessThan(200_000);
    const [id] = await containersOf(build);
    expect((await docker.getContainer(id!).inspect()).State.Running).toBe(true);
    release.resolve();
    await running;
    expect(bytes).toBe(40_000_004);
  });
});

describe('a command', () => {
  test.each<[string, Command, number]>([
    ['its own', 'exit 7', 7],
    ['that of a list', ['sh', '-c', 'exit 255'], 255],
    ['of a signal', 'kill -ABRT $$', 134],
    ['127 where it is not there', ['/no/such'], 127],
    ['127 where the shell does not find it', 'no-such', 127],
    ['126 where it is not executable', ['/etc'], 126],
  ])('gives its exit code: %s', async (_, command, exitCode) => {
    const { exit, stderr } = await run(command);
    expect(exit).toEqual({ exitCode });
    if (exitCode === 126 || exitCode === 127) expect(stderr).toMatch(/no.?such|denied/i);
  });

  test('has its directory, its environment and nothing of the image in its words', async () => {
    const environment = new Map([['GREETING', 'a b=$c "d"\nsecond line']]);
    const { stdout } = await run(['sh', '-c', 'pwd; echo "$GREETING"; echo $#', 'sh', 'one two', '$x'], {
      environment,
      workingDirectory: '/made/for/it',
    });
    expect(stdout).toBe('/made/for/it\na b=$c "d"\nsecond line\n2\n');
  });

  test('that the engine cannot start at all is 127 with what the engine says', async () => {
    await using volume = await temporaryVolume();
    await run('touch /v/filled', { caches: new Map([[volume.name, '/v']]) });
    const { exit, stderr } = await run('true', { caches: new Map([[volume.name, '/bin/busybox']]) });
    expect(exit).toEqual({ exitCode: 127 });
    expect(stderr).toContain('not a directory');
  });

  test('has no cache where its image has a file', async () => {
    await using volume = await temporaryVolume();
    const failure = await failureOf(container({ caches: new Map([[volume.name, '/bin/busybox']]) }));
    expect(failure).toMatchObject({ code: 'USAGE', exitCode: 2 });
    expect(failure.message).toContain("'/bin/busybox' cannot be kept as a cache");
  });

  test('has the limits of the server, and no host namespace or right beyond the default', async () => {
    const from = createDockerContainers({ memory: 64 * 1024 * 1024, cpus: 0.5 });
    const spec = { command: 'cat /proc/self/status; echo pid $$' };
    await using made = await container(spec, { from });
    await made.run(made.io);
    expect(made.io.stdout()).toMatch(/^CapEff:\s+00000000a80425fb$/m);
    expect(made.io.stdout()).toMatch(/^pid \d\d?$/m);
  });

  test('that takes more memory than it may is told so, with the limit', async () => {
    const memory = 32 * 1024 * 1024;
    const from = createDockerContainers({ memory });
    for (const command of ['tail /dev/zero', ['tail', '/dev/zero'] as const]) {
      await using made = await container({ command }, { from });
      expect(await made.run(made.io)).toEqual({ exitCode: 137, outOfMemory: { limit: memory } });
    }
  });

  test('that kills itself is no lack of memory', async () => {
    const from = createDockerContainers({ memory: 32 * 1024 * 1024 });
    await using made = await container({ command: 'kill -KILL $$' }, { from });
    expect(await made.run(made.io)).toEqual({ exitCode: 137 });
  });
});

describe('an abort', () => {
  test.each<[string, Command]>([
    ['a sleep', 'echo started; sleep 1000'],
    ['a list', ['sh', '-c', 'echo started; exec sleep 1000']],
    ['a flood', 'echo started; yes'],
  ])('ends %s at once', async (_, command) => {
    const build = `test-${randomUUID()}`;
    await using made = await container({ command, build });
    const running = made.run(made.io);
    await made.io.seen(/^started$/m);
    const aborted = Date.now();
    made.io.abort.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect(Date.now() - aborted).toBeLessThan(1500);
    const [id] = await containersOf(build);
    expect((await docker.getContainer(id!).inspect()).State.Running).toBe(false);
  });

  test('kills what ignores TERM, within the two seconds of a cancelled build', async () => {
    const build = `test-${randomUUID()}`;
    const command = 'trap "echo asked" TERM; echo started; while :; do usleep 10000; done';
    await using made = await container({ command, build });
    const running = made.run(made.io);
    await made.io.seen(/^started$/m);
    const aborted = Date.now();
    made.io.abort.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    // Not at once: it may want to clean up.
    expect(Date.now() - aborted).toBeGreaterThanOrEqual(GRACE - 100);
    expect(Date.now() - aborted).toBeLessThan(8_000);
    const [id] = await containersOf(build);
    expect((await docker.getContainer(id!).inspect()).State.Running).toBe(false);
  });

  test('does not wait for a reader that never comes back', async () => {
    await using made = await container({ command: 'yes' });
    const entered = deferred();
    const running = made.run({
      ...made.io,
      emit() {
        entered.resolve();
        return new Promise(() => {});
      },
    });
    await entered.promise;
    const aborted = Date.now();
    made.io.abort.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect(Date.now() - aborted).toBeLessThan(4000);
  });

  test('in the middle of the making leaves no container', async () => {
    const build = `test-${randomUUID()}`;
    const io = recorder();
    await using way = await watchedWay('POST /containers/create', () => io.abort.abort(new Error('enough')));
    const from = createDockerContainers({ connection: { socketPath: way.socketPath } });
    const making = container({ build, command: 'true' }, { from, io });
    await expect(making).rejects.toThrow('enough');
    expect(way.passed()).toBe(true);
    expect(await containersOf(build)).toEqual([]);
  });
});

describe('disposing', () => {
  test('ends what runs and leaves nothing, twice and at the same time too', async () => {
    const build = `test-${randomUUID()}`;
    const made = await container({ command: 'echo started; sleep 1000', build });
    const running = made.run(made.io);
    await made.io.seen(/^started$/m);
    expect(await containersOf(build)).toHaveLength(1);
    const dispose = () => made[Symbol.asyncDispose]();
    await Promise.all([dispose(), dispose(), expect(running).rejects.toThrow()]);
    await dispose();
    expect(await containersOf(build)).toEqual([]);
  });

  test('takes the volumes of the image along', async () => {
    const tag = uniqueTag();
    const source = await docker.createContainer({ Image: baseImage(), Cmd: ['true'] });
    await source.commit({ repo: tag.split(':')[0], tag: tag.split(':')[1], changes: 'VOLUME /data' });
    await source.remove();
    const build = `test-${randomUUID()}`;
    const made = await container({ image: tag, command: 'touch /data/x', build });
    await made.run(made.io);
    const { Mounts } = await docker.getContainer((await containersOf(build))[0]!).inspect();
    expect(Mounts).toMatchObject([{ Type: 'volume', Destination: '/data' }]);
    await made[Symbol.asyncDispose]();
    const { Volumes } = await docker.listVolumes();
    expect(Volumes.map(({ Name }) => Name)).not.toContain(Mounts[0]!.Name);
    await docker.getImage(tag).remove();
  });
});

describe('an image that the engine has not', () => {
  const engine = createDockerEngine({ buildkit: 'no' });

  async function published(registry: string, registries: Map<string, ReturnType<typeof password>>) {
    const target = { registry, repository: `containers/${randomUUID()}`, tag: '1', digest: undefined };
    await engine.push(baseImage(), target, { registries, ...recorder() });
    const name = `${registry}/${target.repository}:1`;
    return { name, [Symbol.asyncDispose]: () => engine.untag(name) };
  }

  test('is pulled, and says so', async () => {
    await using image = await published(lab('LAB_REGISTRY'), new Map());
    const { stdout } = await run('echo ran', { image: image.name });
    expect(stdout).toContain(`pulling ${image.name}\n`);
    expect(stdout).toMatch(/\nran\n$/);
    expect((await run('echo ran', { image: image.name })).stdout).toBe('ran\n');
  });

  test('of the store alone is never pulled', async () => {
    await using image = await published(lab('LAB_REGISTRY'), new Map());
    const io = recorder();
    const failure = await failureOf(container({ image: image.name, local: true }, { io }));
    expect([failure.code, io.stdout()]).toEqual(['ENGINE_FAILED', '']);
  });

  test('and that is private is pulled with the login of its registry alone', async () => {
    const registry = lab('LAB_AUTH_REGISTRY');
    const login = password(lab('LAB_AUTH_USERNAME'), lab('LAB_AUTH_PASSWORD'));
    await using image = await published(registry, new Map([[registry, login]]));
    const spec = { image: image.name, command: 'echo ran' };
    for (const registries of [new Map(), new Map([['elsewhere.example', login]])]) {
      const failure = await failureOf(container(spec, { registries }));
      expect(failure).toMatchObject({ code: 'BASE_IMAGE_UNAVAILABLE', exitCode: 1, transient: false });
      expect(failure.message).toContain(image.name);
    }
    await using made = await container(spec, { registries: new Map([[registry, login]]) });
    expect(await made.run(made.io)).toEqual({ exitCode: 0 });
  });

  test('and nobody has is named in the failure', async () => {
    const image = `${lab('LAB_REGISTRY')}/no/such:image`;
    const failure = await failureOf(container({ image, command: 'true' }));
    expect(failure).toMatchObject({ code: 'BASE_IMAGE_UNAVAILABLE', transient: false });
    expect(failure.message).toContain(image);
  });
});

test.each(['127.0.0.1:1', 'registry.invalid'])('a registry that cannot be reached: %s', async (host) => {
  const failure = await failureOf(container({ image: `${host}/x:1`, command: 'true' }));
  expect(failure).toMatchObject({ code: 'BASE_IMAGE_UNAVAILABLE', transient: true });
  expect(failure.line).toContain('could not be reached: try again');
});

test('a container without a network has a loopback alone', async () => {
  const command = 'ls /sys/class/net';
  expect((await run(command, { network: 'none' })).stdout).toBe('lo\n');
  expect((await run(command)).stdout).toContain('eth0');
});

test('an engine that nobody answers for is not reachable', async () => {
  const from = createDockerContainers({ connection: { socketPath: '/no/such/docker.sock' } });
  const failure = await failureOf(container({ command: 'true' }, { from }));
  expect(failure).toMatchObject({ code: 'ENGINE_UNREACHABLE', exitCode: 69 });
});

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
