import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { createDockerEngine } from '../../../src/adapters/docker/engine.js';
import { Secret } from '../../../src/model/secret.js';
import type { StepEvent } from '../../../src/model/events.js';
import { brokenTree, memoryTree } from '../../fakes/trees.js';
import { baseImage, failureOf, imageSpec, lab, outputOf, password, recorder } from './lab.js';

const engine = createDockerEngine({ buildkit: 'no' });
const built: string[] = [];

async function build(change: Parameters<typeof imageSpec>[0], io = recorder()) {
  const spec = imageSpec(change);
  built.push(spec.tag);
  return { image: await engine.build(spec, io), io, spec };
}

afterAll(() => Promise.all(built.map((tag) => engine.untag(tag))));

async function processes(): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => ''));
  return (await Promise.all(read)).map((line) => line.replaceAll('\0', ' '));
}

test('a tree arrives as it is: modes, links, times, owners, long and strange names', async () => {
  const long = `${'d'.repeat(120)}/${'f'.repeat(120)}`;
  const tree = memoryTree({
    'run.sh': { content: '#!/bin/sh\n', mode: 0o755 },
    link: { symlink: 'run.sh' },
    [long]: 'long',
    'ünï/日本, x': 'strange',
    empty: '',
    big: Buffer.alloc(700_000, 'b'),
  });
  const dockerfile = `FROM ${baseImage()}\nCOPY . /src\nRUN cd /src && stat -c '%n %a %u %Y' run.sh && readlink link && cat */f* ünï/* && wc -c big # ${randomUUID()}`;
  const { io, image } = await build({ dockerfile, context: { tree } });
  expect(image).toMatchObject({ platform: 'linux/amd64', cached: false });
  expect(io.stdout()).toContain('run.sh 755 0 1700000000\nrun.sh\nlongstrange700000 big\n');
  expect(await outputOf(image.id, ['ls', '-A', '/src'])).not.toMatch(/Dockerfile|dockerignore/);
});

test('the second build comes from the cache', async () => {
  const dockerfile = `FROM ${baseImage()}\nCOPY a /a\nRUN echo ${randomUUID()}\nCMD ["x"]`;
  const context = { tree: memoryTree({ a: 'a' }) };
  expect((await build({ dockerfile, context })).image.cached).toBe(false);
  expect((await build({ dockerfile, context })).image.cached).toBe(true);
});

test('stdout and stderr are told apart, the last line may have no end', async () => {
  const dockerfile = `FROM ${baseImage()}\nRUN echo out; echo err >&2; printf open # ${randomUUID()}`;
  const { io } = await build({ dockerfile });
  expect(io.stdout()).toContain('\nout\n');
  expect(io.stderr()).toBe('err\n');
  expect(io.stdout()).toMatch(/open/);
  expect(io.events.every((event) => event.type !== 'log' || event.text.endsWith('\n'))).toBe(true);
});

test('a million lines come complete and in order, in flat memory', async () => {
  const last = 1_000_000;
  let next = 1;
  let events = 0;
  let peak = 0;
  const before = process.memoryUsage().rss;
  const emit = (event: StepEvent) => {
    if (event.type !== 'log') return;
    events++;
    peak = Math.max(peak, process.memoryUsage().rss);
    for (const line of event.text.split('\n')) if (line === String(next)) next++;
  };
  const dockerfile = `FROM ${baseImage()}\nRUN seq 1 ${last} # ${randomUUID()}`;
  await build({ dockerfile }, { ...recorder(), emit });
  expect(next).toBe(last + 1);
  expect(events).toBeLessThan(last / 10);
  expect(peak - before).toBeLessThan(100e6);
}, 120_000);

describe('a build that fails', () => {
  test('names the last good layer as the engine knows it', async () => {
    const dockerfile = `FROM ${baseImage()}\nRUN echo ${randomUUID()} > /good\nENV A=b\nRUN exit 7`;
    const { lastLayer } = await failureOf(build({ dockerfile }));
    expect(lastLayer).toMatch(/^sha256:/);
    expect(await outputOf(lastLayer!, ['sh', '-c', 'ls /good; echo $A'])).toBe('/good\nb\n');
  });

  test('names one of its own, whatever a RUN prints', async () => {
    const other = (await build({ dockerfile: `FROM scratch\nLABEL other=${randomUUID()}` })).image.id;
    for (const id of [other.slice('sha256:'.length).slice(0, 12), 'deadbeef0123']) {
      const dockerfile = `FROM ${baseImage()}\nRUN printf ' ---> ${id}\\n'; exit 7`;
      const { lastLayer } = await failureOf(build({ dockerfile }));
      expect(lastLayer).toBeUndefined();
    }
  });

  test('in a RUN gives its exit code and the instruction', async () => {
    const failure = await failureOf(build({ dockerfile: `FROM ${baseImage()}\nRUN exit 7` }));
    expect(failure).toMatchObject({ code: 'DOCKERFILE_FAILED', commandExitCode: 7 });
    expect(failure.message).toContain('Step 2/2 : RUN exit 7');
  });

  test.each([
    ['a COPY of nothing', 'COPY nothing /', 'DOCKERFILE_FAILED'],
    ['an unknown instruction', 'FLY away', 'DOCKERFILE_INVALID'],
  ])('with %s is the fault of the Dockerfile', async (_, line, code) => {
    const failure = await failureOf(build({ dockerfile: `FROM ${baseImage()}\n${line}` }));
    expect(failure.code).toBe(code);
  });

  test('for its base image names it', async () => {
    const name = `${lab('LAB_REGISTRY')}/no/such:image`;
    const failure = await failureOf(build({ dockerfile: `FROM ${name}\nRUN true` }));
    expect(failure.code).toBe('BASE_IMAGE_UNAVAILABLE');
    expect(failure.message).toContain(name);
  });

  test('because the tree does says so', async () => {
    const tree = brokenTree({ a: '1' }, new Error('the disk is gone'));
    const dockerfile = `FROM ${baseImage()}\nCOPY . /`;
    await expect(build({ dockerfile, context: { tree } })).rejects.toThrow('the disk is gone');
  });

  test.each([
    ['secrets', { secrets: new Map([['a', new Secret('b')]]) }],
    ['an inline cache', { options: { inlineCache: true } }],
    ['another platform', { options: { platform: 'linux/arm64' } }],
  ])('for %s, which needs BuildKit, is not supported', async (_, change) => {
    const failure = await failureOf(build({ dockerfile: `FROM ${baseImage()}\nRUN true`, ...change }));
    expect(failure).toMatchObject({ code: 'NOT_SUPPORTED', exitCode: 2 });
    expect(failure.message).toContain('BuildKit');
  });
});

test.each([
  ['declares', 'ARG SOURCE_DATE_EPOCH', 'epoch=1700000000\n'],
  ['declares among others', 'ARG A=1 \\\n# a comment\n  SOURCE_DATE_EPOCH=0 B', 'epoch=1700000000\n'],
  ['mentions', 'ENV ARG="ARG SOURCE_DATE_EPOCH"', 'epoch=\n'],
])('SOURCE_DATE_EPOCH for a Dockerfile that %s it', async (...[, line, said]) => {
  const dockerfile = `FROM ${baseImage()}\n${line}\nRUN echo "epoch=$SOURCE_DATE_EPOCH" # ${randomUUID()}`;
  const { io } = await build({
    dockerfile,
    options: { buildArgs: new Map([['SOURCE_DATE_EPOCH', '1700000000']]) },
  });
  expect(io.stdout()).toContain(said);
  expect(io.stdout()).not.toContain('not consumed');
});

test('an arg of the caller that nothing declares is told', async () => {
  const options = { buildArgs: new Map([['MISSPELT', '1']]) };
  const { io } = await build({ dockerfile: `FROM ${baseImage()}`, options });
  expect(io.stdout()).toMatch(/MISSPELT.* not consumed/);
});

test('limits apply', async () => {
  const dockerfile = `FROM ${baseImage()}\nRUN ulimit -n && df -k /dev/shm # ${randomUUID()}`;
  const options = { shmSize: 8 * 1024 * 1024, ulimits: [{ name: 'nofile', soft: 321, hard: 321 }] };
  const { io } = await build({ dockerfile, options });
  expect(io.stdout()).toMatch(/^321$/m);
  expect(io.stdout()).toMatch(/^shm +8192 /m);
});

test('logins open a private base image', async () => {
  const registry = lab('LAB_AUTH_REGISTRY');
  const login = password(lab('LAB_AUTH_USERNAME'), lab('LAB_AUTH_PASSWORD'));
  const registries = new Map([[registry, login]]);
  const target = { registry, repository: `private/classic-${randomUUID()}`, tag: '1', digest: undefined };
  await engine.push(baseImage(), target, { registries, ...recorder() });
  const dockerfile = `FROM ${registry}/${target.repository}:1`;
  expect((await failureOf(build({ dockerfile, options: { pull: true } }))).code).toBe(
    'BASE_IMAGE_UNAVAILABLE',
  );
  built.push(`${registry}/${target.repository}:1`);
  await build({ dockerfile, options: { pull: true }, registries });
});

test('an abort stops the RUN before the call settles', async () => {
  const io = recorder();
  const mark = `32${Math.floor(Math.random() * 1e6)}`;
  const building = build({ dockerfile: `FROM ${baseImage()}\nRUN echo started && sleep ${mark}` }, io);
  const running = async () => (await processes()).filter((line) => line.includes(`sleep ${mark}`));
  await io.seen(/^started$/m);
  expect(await running()).not.toHaveLength(0);
  io.abort.abort(new Error('enough'));
  await expect(building).rejects.toThrow('enough');
  expect(await running()).toHaveLength(0);
});
