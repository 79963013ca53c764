import { describe, expect, test } from 'vitest';
import { connect } from '../../../src/adapters/docker/connection.js';
import { readArchive } from '../../../src/adapters/docker/container-archive.js';
import { createDockerEngine } from '../../../src/adapters/docker/engine.js';
import type { Engine } from '../../../src/ports.js';
import { failureOf, imageSpec, recorder } from './lab.js';
import { dockerVersion, scriptedEngine } from './scripted.js';

const target = { registry: 'r.example', repository: 'app', tag: '1', digest: undefined };
const image = { Id: 'sha256:1', Size: 1, Os: 'linux', Architecture: 'amd64' };
const push = (engine: Engine) => engine.push('a', target, { registries: new Map(), ...recorder() });
const build = (engine: Engine) => engine.build(imageSpec({ dockerfile: 'FROM a' }), recorder());

function engineAt(socketPath: string, buildkit: 'auto' | 'yes' | 'no' = 'auto') {
  return createDockerEngine({ buildkit, connection: { socketPath } });
}

describe('an answer that is an error', () => {
  test('to reading a container is the engine failing, also where it fails again when it is asked why', async () => {
    let asked = 0;
    await using scripted = await scriptedEngine(() => ({ status: 500, body: { message: `no ${++asked}` } }));
    const connection = connect({ socketPath: scripted.socketPath });
    const reading = readArchive(connection, { container: 'c', path: '/a/b/c' }, recorder());
    const failure = await failureOf(reading.next());
    expect(failure).toMatchObject({ code: 'ENGINE_FAILED' });
    expect(failure.message).toContain('/a/b/c (500): no 1');
    expect(asked).toBeGreaterThan(1);
  });

  test.each([404, 409, 500])('%i to tag is the engine failing', async (status) => {
    await using scripted = await scriptedEngine(() => ({ status, body: { message: 'no' } }));
    const failure = await failureOf(engineAt(scripted.socketPath).tag('a', target));
    expect(failure).toMatchObject({ code: 'ENGINE_FAILED', transient: status === 500 });
    expect(failure.message).toContain(`r.example/app:1 (${status}): no`);
  });

  test.each([409, 500])('%i to untag is the engine failing', async (status) => {
    await using scripted = await scriptedEngine((request) =>
      request.startsWith('DELETE') ? { status, body: { message: 'no' } } : { status: 200, body: image },
    );
    const failure = await failureOf(engineAt(scripted.socketPath).untag('a'));
    expect(failure).toMatchObject({ code: 'ENGINE_FAILED' });
    expect(failure.message).toContain(`a (${status}): no`);
  });

  test.each([
    ['the image is not there', 404, false],
    ['the engine has trouble', 500, true],
    ['the connection breaks', undefined, true],
  ])('to a push, because %s, is the push failing', async (_, status, transient) => {
    const answer = status === undefined ? undefined : { status, body: { message: 'no' } };
    await using scripted = await scriptedEngine((request) => {
      if (request === 'GET /version') return { status: 200, body: dockerVersion };
      return request === 'GET /_ping' ? { status: 200 } : answer;
    });
    const failure = await failureOf(push(engineAt(scripted.socketPath)));
    expect(failure).toMatchObject({ code: 'PUSH_FAILED', transient });
  });

  test('to the look at the built image is the engine failing', async () => {
    await using scripted = await scriptedEngine((request) => {
      if (request.startsWith('POST /build')) return { status: 200, body: { aux: { ID: 'sha256:1' } } };
      if (request === 'GET /version') return { status: 200, body: dockerVersion };
      return request === 'GET /_ping' ? { status: 200 } : { status: 404, body: { message: 'pruned' } };
    });
    const failure = await failureOf(build(engineAt(scripted.socketPath, 'no')));
    expect(failure).toMatchObject({ code: 'ENGINE_FAILED' });
    expect(failure.message).toContain('pruned');
  });
});

test('an engine that is not there is unreachable to every call', async () => {
  const engine = createDockerEngine({ buildkit: 'auto', connection: { host: '127.0.0.1', port: 9 } });
  const calls = [
    () => engine.tag('a', target),
    () => engine.untag('a'),
    () => push(engine),
    () => build(engine),
  ];
  for (const call of calls) {
    expect(await failureOf(call())).toMatchObject({ code: 'ENGINE_UNREACHABLE' });
  }
});

test('BuildKit that is wanted and not there refuses the build', async () => {
  const version = { Version: '18.06', ApiVersion: '1.38' };
  await using old = await scriptedEngine(() => ({ status: 200, body: version }));
  const failure = await failureOf(build(engineAt(old.socketPath, 'yes')));
  expect(failure).toMatchObject({ code: 'CONFIG_INVALID', exitCode: 2 });
  expect(failure.message).toMatch(/docker 18\.06.* no BuildKit/);
  expect(old.requests).not.toContainEqual(expect.stringContaining('/build'));
});

test('an engine that failed is asked again who it is', async () => {
  let version = dockerVersion;
  await using scripted = await scriptedEngine((request) => {
    if (request === 'GET /_ping') return { status: 200 };
    return request === 'GET /version' ? { status: 200, body: version } : undefined;
  });
  const engine = engineAt(scripted.socketPath);
  expect((await failureOf(build(engine))).code).toBe('ENGINE_FAILED');
  version = { Version: '18.06', ApiVersion: '1.38' };
  expect((await failureOf(build(engine))).code).toBe('ENGINE_FAILED');
  const lines = scripted.requests.map((request) => request.replace(/\?.*(version=\d).*/, '?$1'));
  expect(lines).toEqual([
    ...['GET /_ping', 'GET /version', 'POST /session'],
    ...['GET /_ping', 'GET /version', 'POST /build?version=1'],
  ]);
});
