import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { createDockerEngine } from '../../../src/adapters/docker/engine.js';
import { Secret } from '../../../src/model/secret.js';
import { parseReference } from '../../../src/model/reference.js';
import { podNames } from '../../scenarios/engine.js';
import { servedDigest } from '../../scenarios/registry.js';
import { run } from '../../scenarios/run.js';
import { baseImage, failureOf, imageSpec, lab, outputOf, recorder } from '../engine/lab.js';

const engine = createDockerEngine({ buildkit: 'auto' });

const podOf = ({ tag }: { tag: string }) => tag.replace(':', '-');

test('says that it is Podman, without BuildKit', async () => {
  expect(await engine.describe(AbortSignal.timeout(5_000))).toMatchObject({
    name: 'podman',
    buildkit: false,
  });
});

test('builds, with hosts and limits, and leaves no pod', async () => {
  const spec = imageSpec({
    dockerfile: `FROM ${baseImage()}\nRUN cat /etc/hosts > /seen; ulimit -n >> /seen\n`,
    options: { addHosts: ['far.example:1.2.3.4'], ulimits: [{ name: 'nofile', soft: 1000, hard: 1000 }] },
  });
  await engine.build(spec, recorder());
  const seen = await outputOf(spec.tag, ['cat', '/seen']);
  await engine.untag(spec.tag);
  expect(seen).toMatch(/^1\.2\.3\.4\tfar\.example$/m);
  expect(seen).toMatch(/^1000$/m);
  expect((await podNames()).filter((name) => name.startsWith(podOf(spec)))).toEqual([]);
});

test('an abort ends the RUN, and what it started, before the build rejects', async () => {
  const mark = `9${Math.floor(Math.random() * 1e8)}`;
  const spec = imageSpec({
    dockerfile: `FROM ${baseImage()}\nRUN sleep ${mark} & echo begun; sleep ${mark}\n`,
  });
  const io = recorder();
  const building = engine.build(spec, io).catch((reason: unknown) => reason);
  await io.seen(/^begun$/m);
  const reason = new Error('enough');
  io.abort.abort(reason);
  expect(await building).toBe(reason);
  expect((await run('ps', ['-eo', 'args'])).split('\n').filter((args) => args === `sleep ${mark}`)).toEqual(
    [],
  );
  expect((await podNames()).filter((name) => name.startsWith(podOf(spec)))).toEqual([]);
});

test('a RUN that fails tells its exit code', async () => {
  const spec = imageSpec({ dockerfile: `FROM ${baseImage()}\nRUN exit 7\n` });
  expect(await failureOf(engine.build(spec, recorder()))).toMatchObject({
    code: 'DOCKERFILE_FAILED',
    commandExitCode: 7,
  });
});

test('a push gives the digest that the registry serves', async () => {
  const spec = imageSpec({ dockerfile: `FROM ${baseImage()}\nRUN echo ${randomUUID()}\n` });
  const { id } = await engine.build(spec, recorder());
  const name = `${lab('LAB_REGISTRY')}/t/${randomUUID()}:1`;
  const access = { registries: new Map(), ...recorder() };
  const { digest } = await engine.push(id, parseReference(name), access);
  await engine.untag(spec.tag);
  expect(digest).toBe(await servedDigest(name));
});

test.each([
  ['build secrets', { secrets: new Map([['TOKEN', new Secret('x')]]) }],
  ['an inline cache', { options: { inlineCache: true } }],
  ["--network 'none'", { options: { network: 'none' } }],
])('refuses %s in a line', async (what, change) => {
  const spec = imageSpec({ dockerfile: `FROM ${baseImage()}\n`, ...change });
  const failure = await failureOf(engine.build(spec, recorder()));
  expect(failure).toMatchObject({ code: 'NOT_SUPPORTED', message: expect.stringContaining(what) as string });
});
