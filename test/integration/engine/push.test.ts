import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { createDockerEngine } from '../../../src/adapters/docker/engine.js';
import { formatReference, type ImageReference } from '../../../src/model/reference.js';
import { memoryTree } from '../../fakes/trees.js';
import { baseImage, docker, failureOf, imageSpec, lab, password, recorder } from './lab.js';

const engine = createDockerEngine({ buildkit: 'auto' });
const made: string[] = [];

async function makeImage(bytes = 10) {
  const tree = memoryTree({ a: Buffer.alloc(bytes, randomUUID()) });
  const spec = imageSpec({ dockerfile: `FROM ${baseImage()}\nCOPY a /a`, context: { tree } });
  made.push(spec.tag);
  await engine.build(spec, recorder());
  return spec.tag;
}

function target(registry = lab('LAB_REGISTRY')): ImageReference {
  return { registry, repository: `team/app-${randomUUID()}`, tag: '1', digest: undefined };
}

async function idOf(name: string): Promise<string | undefined> {
  return docker
    .getImage(name)
    .inspect()
    .then(
      ({ Id }) => Id,
      () => undefined,
    );
}

/** Image id behind a tag, asked of the registry. */
async function pushedId({ registry, repository, tag }: ImageReference) {
  const accept = 'application/vnd.docker.distribution.manifest.v2+json';
  const answer = await fetch(`http://${registry}/v2/${repository}/manifests/${tag}`, { headers: { accept } });
  const { config } = (await answer.json()) as { config: { digest: string } };
  return { id: config.digest, digest: answer.headers.get('docker-content-digest') };
}

afterAll(() => Promise.all(made.map((tag) => engine.untag(tag))));

test('gives the digest that the registry has, and leaves no name', async () => {
  const [image, to, io] = [await makeImage(), target(), recorder()];
  const { digest } = await engine.push(image, to, { registries: new Map(), ...io });
  expect(await pushedId(to)).toEqual({ id: await idOf(image), digest });
  expect(await idOf(formatReference(to))).toBeUndefined();
  const lines = io.stdout().trimEnd().split('\n');
  const name = formatReference(to);
  expect(lines).toContainEqual(expect.stringMatching(/push(?:ed|ing) layer [0-9a-f]+$/));
  expect(lines.filter((line) => !line.startsWith(`${name}: `))).toEqual([]);
});

test('puts back the name that another image bore', async () => {
  const [mine, theirs, to] = [await makeImage(), await makeImage(), target()];
  await engine.tag(theirs, to);
  await engine.push(mine, to, { registries: new Map(), ...recorder() });
  expect((await pushedId(to)).id).toBe(await idOf(mine));
  expect(await idOf(formatReference(to))).toBe(await idOf(theirs));
  expect((await docker.getImage(mine).inspect()).RepoDigests).toEqual([]);
  await engine.untag(formatReference(to));
});

test('two images under one name at once: each push gives its own digest', async () => {
  const [one, two, to] = [await makeImage(), await makeImage(), target()];
  const access = { registries: new Map(), ...recorder() };
  const [first, second] = await Promise.all([engine.push(one, to, access), engine.push(two, to, access)]);
  expect(first.digest).not.toBe(second.digest);
  expect(await pushedId(to)).toEqual({ id: await idOf(two), digest: second.digest });
});

test('a cancelled push does not wait for that of a stranger under the same name', async () => {
  const [one, two, to] = [await makeImage(50_000_000), await makeImage(), target()];
  const [io, mine] = [recorder(), recorder()];
  const ended: string[] = [];
  const stranger = engine.push(one, to, { registries: new Map(), ...io }).then(() => ended.push('stranger'));
  await io.seen(/pushing layer/);
  const waiting = engine.push(two, to, { registries: new Map(), ...mine }).catch(() => ended.push('mine'));
  mine.abort.abort(new Error('enough'));
  await Promise.all([waiting, stranger]);
  expect(ended).toEqual(['mine', 'stranger']);
});

test('a login is used, and its lack is told', async () => {
  const registry = lab('LAB_AUTH_REGISTRY');
  const [image, to] = [await makeImage(), target(registry)];
  const login = password(lab('LAB_AUTH_USERNAME'), lab('LAB_AUTH_PASSWORD'));
  const wrong = password(lab('LAB_AUTH_USERNAME'), 'wrong');
  const push = (registries: Map<string, typeof login>) =>
    engine.push(image, to, { registries, ...recorder() });
  expect(await failureOf(push(new Map()))).toMatchObject({ code: 'PUSH_DENIED', transient: false });
  expect(await failureOf(push(new Map([[registry, wrong]])))).toMatchObject({ code: 'PUSH_DENIED' });
  expect((await push(new Map([[registry, login]]))).digest).toMatch(/^sha256:/);
  expect(await idOf(formatReference(to))).toBeUndefined();
});

test('a registry that is not there may come back', async () => {
  const [image, to] = [await makeImage(), target('127.0.0.1:9')];
  const failure = await failureOf(engine.push(image, to, { registries: new Map(), ...recorder() }));
  expect(failure).toMatchObject({ code: 'PUSH_FAILED', transient: true, exitCode: 4 });
});

test('an abort leaves no name', async () => {
  const [image, to, io] = [await makeImage(50_000_000), target(), recorder()];
  const pushing = engine.push(image, to, { registries: new Map(), ...io });
  await io.seen(/pushing layer/);
  io.abort.abort(new Error('enough'));
  await expect(pushing).rejects.toThrow('enough');
  expect(await idOf(formatReference(to))).toBeUndefined();
});

test('untag is safe twice and for what never was', async () => {
  const image = await makeImage();
  await engine.untag(image);
  await engine.untag(image);
  await engine.untag('never/was:here');
  expect(await idOf(image)).toBeUndefined();
});
