import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lab } from '../lab/environment.js';
import { servedDigest } from '../scenarios/registry.js';
import { startHttpProxy, type Fault, type HttpProxy } from './http-proxy.js';
import { base, createWorld, expectVerdict, resultOf, type World } from './world.js';

/** What the distribution specification says an error looks like. */
const error = (status: number, code: string, headers = {}): Fault => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify({ errors: [{ code, message: `${code.toLowerCase()} by test` }] }),
});

const isPut = (tag: string) => (request: IncomingMessage) =>
  request.method === 'PUT' && request.url!.endsWith(`/manifests/${tag}`);

/** A fault for the first `times` requests that match. */
function first(times: number, matches: (request: IncomingMessage) => boolean, fault: Fault) {
  return (request: IncomingMessage) => (matches(request) && times-- > 0 ? fault : undefined);
}

describe('the registry', () => {
  let world: World;
  let proxy: HttpProxy;
  let image: string;
  beforeAll(async () => {
    world = await createWorld(
      {},
      { 'large.Dockerfile': `FROM ${base()}\nCOPY large /\n`, large: randomBytes(3e6).toString('latin1') },
    );
    proxy = await startHttpProxy(lab('LAB_REGISTRY'));
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });
  const build = async (flags: string) => {
    image = world.imageAt(proxy.address);
    return await world.build(`--image ${image} --build-arg MARK=${randomUUID()} ${flags}`).ended;
  };

  it('is down', async () => {
    const gone = await startHttpProxy(lab('LAB_REGISTRY'));
    await gone[Symbol.asyncDispose]();
    const output = await world.build(`--image ${world.imageAt(gone.address)} -t x --push-retry 1`).ended;
    const { images } = expectVerdict(output, {
      code: 4,
      failure: { code: 'PUSH_FAILED', step: 'push' },
      line: new RegExp(`${gone.address}.*refused`),
    });
    expect(images[0]!.refs).toMatchObject([{ pushed: false }]);
    await world.expectSound();
  });

  it('answers 500 for once: tried again', async () => {
    proxy.fault = first(1, isPut('x'), { status: 500 });
    expect(resultOf(await build('-t x'))).toMatchObject({
      exitCode: 0,
      images: [{ refs: [{ pushed: true }] }],
    });
    await world.expectSound();
  });

  it('answers 500', async () => {
    proxy.fault = first(Infinity, isPut('x'), { status: 500 });
    const output = await build('-t x --push-retry 1');
    expectVerdict(output, { code: 4, failure: { code: 'PUSH_FAILED', step: 'push' }, line: /500/ });
    expect(output.stderr.match(/^warning: .*try 2 of 2/gm)).toHaveLength(1);
    await world.expectSound();
  });

  it('answers 429 and says for how long: it is left alone for that time', async () => {
    let until: number | undefined;
    proxy.fault = (request) => {
      if (isPut('x')(request)) until ??= performance.now() + 3000;
      const left = Math.ceil(((until ?? 0) - performance.now()) / 1000);
      return left > 0 ? error(429, 'TOOMANYREQUESTS', { 'retry-after': String(left) }) : undefined;
    };
    proxy.seen.length = 0;
    const output = await build('-t x');
    expect(resultOf(output)).toMatchObject({ exitCode: 0 });
    expect(output.stderr).toMatch(/^warning: .*try 2 of 6 in 3s$/m);
    expect(proxy.seen.filter(({ what }) => what.startsWith('PUT') && what.endsWith('/x'))).toHaveLength(2);
    await world.expectSound();
  });

  it("answers 429 and asks for more time than there is: neither the tries nor the build's deadline wait for it", async () => {
    proxy.fault = first(Infinity, () => true, error(429, 'TOOMANYREQUESTS', { 'retry-after': '3600' }));
    const line = /toomanyrequests.*come back in 3600 s/i;
    expectVerdict(await build('-t x'), { code: 4, failure: { code: 'PUSH_FAILED', step: 'push' }, line });
    proxy.fault = first(Infinity, () => true, error(429, 'TOOMANYREQUESTS', { 'retry-after': '200' }));
    const output = await build('-t x --timeout 3s');
    expectVerdict(output, { code: 124, failure: { code: 'TIMEOUT', step: 'push' }, line: /3\.0s/ });
    await world.expectSound();
  });

  it('cuts an upload half way: tried again', async () => {
    proxy.fault = first(1, ({ method }) => method === 'PATCH', { cutRequest: 1e6 });
    const output = await build('-t x -f large.Dockerfile');
    expect(resultOf(output)).toMatchObject({ exitCode: 0 });
    await world.expectSound();
  });

  it('refuses one of three tags', async () => {
    proxy.fault = first(Infinity, isPut('two'), error(403, 'DENIED'));
    const output = await build('-t one -t two -t three');
    const { images } = expectVerdict(output, {
      code: 4,
      failure: { code: 'PUSH_DENIED', step: 'push' },
      line: /:two/,
    });
    expect(images[0]!.refs.map(({ ref, pushed }) => [ref.split(':').at(-1), pushed])).toEqual([
      ['one', true],
      ['two', false],
      ['three', true],
    ]);
    const real = (tag: string) => servedDigest(`${world.image}:${tag}`);
    expect([await real('one'), await real('two'), await real('three')]).toEqual([
      images[0]!.digest,
      undefined,
      images[0]!.digest,
    ]);
    proxy.fault = () => undefined;
    expect(resultOf(await build('-t one -t two -t three'))).toMatchObject({ exitCode: 0 });
    await world.expectSound();
  });

  it('is slow', async () => {
    proxy.fault = () => ({ pause: 20 });
    expect(resultOf(await build('-t x -f large.Dockerfile'))).toMatchObject({ exitCode: 0 });
    await world.expectSound();
  });

  it('hangs: the build ends at its deadline', async () => {
    proxy.fault = first(Infinity, isPut('x'), 'hang');
    const output = await build('-t x --timeout 4s');
    expectVerdict(output, { code: 124, failure: { code: 'TIMEOUT', step: 'push' }, line: /4\.0s/ });
    await world.expectSound();
  });

  it('has a name that nobody knows', async () => {
    const output = await world.build('--image registry.invalid/x -t x --push-retry 0').ended;
    expectVerdict(output, {
      code: 4,
      failure: { code: 'PUSH_FAILED', step: 'push' },
      line: /registry\.invalid/,
    });
    await world.expectSound();
  });
});
