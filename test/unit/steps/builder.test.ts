import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { noCredentials } from '../../../src/model/credentials.js';
import { Failure } from '../../../src/model/errors.js';
import { memoryTree } from '../../../src/plan/trees.js';
import type { ImageSpec } from '../../../src/ports.js';
import { runBuilder } from '../../../src/steps/builder.js';
import { fakeCaches, fakeContainers, fakeEngine, fakeSpools } from '../../fakes/ports.js';

const io = { emit: () => undefined, signal: new AbortController().signal };
const spec = { secrets: [], environment: new Map<string, string>() };

function tools(change: { engine?: ReturnType<typeof fakeEngine> } = {}) {
  const ports = {
    engine: fakeEngine(),
    containers: fakeContainers(),
    spools: fakeSpools(),
    caches: fakeCaches(),
    ...change,
  };
  return {
    ports,
    build: 'b',
    tag: 'private-builder',
    cachesOf: 'https://forge.example/a.git',
    sharedKey: 'https://forge.example/a.git#a#builder',
    credentials: noCredentials,
    context: memoryTree([]),
    dockerfile: { name: 'Dockerfile.build', text: 'FROM base:1\n' },
    scratch: '/nowhere',
  };
}

describe('a builder from a Dockerfile', () => {
  const builder = { kind: 'dockerfile', dockerfile: 'Dockerfile.build', extract: '/out' } as const;
  const options = {
    buildArgs: new Map([['VERSION', '3']]),
    labels: new Map<string, string>(),
    noCache: true,
    pull: true,
    network: 'host',
    addHosts: ['db:10.0.0.7'],
    ulimits: [],
    cacheFrom: [],
    inlineCache: false,
  };
  const step = { kind: 'builder', builder, secrets: [], options } as const;

  it('leaves no name in the engine, also where the engine named it and then failed', async () => {
    const engine = fakeEngine();
    engine.build = ({ tag }) => {
      engine.names.set(tag, 'sha256:1');
      return Promise.reject(new Failure('ENGINE_FAILED', 'the connection broke'));
    };
    await expect(runBuilder(step, tools({ engine }), io)).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect(engine.names.size).toBe(0);
  });

  it('is built as the image is: with its arguments, hosts and network', async () => {
    const engine = fakeEngine();
    const [build, seen] = [engine.build.bind(engine), [] as ImageSpec[]];
    engine.build = (image, access) => (seen.push(image), build(image, access));
    await runBuilder(step, tools({ engine }), io);
    expect(seen[0]?.options).toEqual(options);
    expect(engine.names.size).toBe(0);
  });
});

describe('a builder in a container', () => {
  const image = { kind: 'image', image: 'b:1', command: 'make', extract: '/project' } as const;

  it('gives its caches back whatever happens', async () => {
    const step = { kind: 'builder', builder: { ...image, cache: ['/a', '/b'] }, ...spec } as const;
    const failing = tools();
    failing.ports.containers = fakeContainers(() => ({ exitCode: 1 }));
    await expect(runBuilder(step, failing, io)).rejects.toMatchObject({ code: 'BUILDER_FAILED' });
    expect(failing.ports.caches).toMatchObject({ held: 0 });
  });

  it('is removed beside what is done with its tree, and gone once that is disposed', async () => {
    const step = { kind: 'builder', builder: { ...image, cache: ['/a'] }, ...spec } as const;
    const world = tools();
    const { containers, caches } = world.ports;
    let remove = () => {};
    const removal = new Promise<void>((resolve) => (remove = resolve));
    const create = containers.create.bind(containers);
    containers.create = async (...given) => ({
      ...(await create(...given)),
      [Symbol.asyncDispose]: () => removal,
    });
    const tree = await runBuilder(step, world, io);
    let isGone = false;
    const disposed = tree[Symbol.asyncDispose]().then(() => (isGone = true));
    await setImmediate();
    expect([isGone, caches.held]).toEqual([false, 1]);
    remove();
    await disposed;
    expect(caches.held).toBe(0);
  });

  it('does not start once its cache was not to be had', async () => {
    const step = { kind: 'builder', builder: { ...image, cache: ['/a', '/b'] }, ...spec } as const;
    const failing = tools();
    const caches = fakeCaches();
    failing.ports.caches.acquire = (repository, path, access) =>
      path === '/b'
        ? Promise.reject(new Failure('ENGINE_UNREACHABLE', 'no answer'))
        : caches.acquire(repository, path, access);
    await expect(runBuilder(step, failing, io)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
    expect([caches.held, failing.ports.containers.specs.length]).toEqual([0, 0]);
  });
});
