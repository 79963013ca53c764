import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lab } from '../lab/environment.js';
import { startHttpProxy, type HttpProxy } from './http-proxy.js';
import { createWorld, expectVerdict, resultOf, type World } from './world.js';

describe('stores and channels', () => {
  let world: World;
  let store: HttpProxy;
  let channel: HttpProxy;
  beforeAll(async () => {
    world = await createWorld({}, { 'build.yml': 'app: { notify: [webhook] }\n' });
    store = await startHttpProxy(new URL(lab('LAB_S3_ENDPOINT')).host);
    channel = await startHttpProxy('127.0.0.1:1', () => ({ status: 200 }));
  });
  afterAll(async () => {
    for (const thing of [world, store, channel]) await thing[Symbol.asyncDispose]();
  });
  const keys = () =>
    `s3: { accessKeyId: "${lab('LAB_S3_ACCESS_KEY')}", secretAccessKey: "${lab('LAB_S3_SECRET_KEY')}", endpoint: "http://${store.address}" }\n`;
  const hook = () => `notify: { webhook: { url: "http://${channel.address}/" } }\n`;
  const build = (flags: string) =>
    world.build(`--no-push --build-arg MARK=${randomUUID()} ${flags}`, { credentials: keys() + hook() })
      .ended;
  const target = () => `--publish s3://${lab('LAB_S3_BUCKET')}/fault=/mark`;
  const warnings = (stderr: string) => stderr.match(/^warning: .*$/gm) ?? [];

  it('the store answers 503 for once: tried again', async () => {
    let times = 1;
    store.fault = () => (times-- > 0 ? { status: 503 } : undefined);
    const output = await build(target());
    expect(output, output.stderr).toMatchObject({ code: 0 });
    expect(resultOf(output)).toMatchObject({ published: [{ files: 1 }] });
    await world.expectSound();
  });

  it('the store answers 503', async () => {
    store.fault = () => ({ status: 503 });
    expectVerdict(await build(target()), {
      code: 4,
      failure: { code: 'PUBLISH_FAILED', step: 'publish' },
      line: /out of order.*HTTP 503.*try again/,
    });
    await world.expectSound();
  });

  it("the store hangs: the build's deadline ends it", async () => {
    store.fault = () => 'hang';
    expectVerdict(await build(`${target()} --timeout 4s`), {
      code: 124,
      failure: { code: 'TIMEOUT', step: 'publish' },
      line: /4\.0s/,
    });
    await expect.poll(() => store.open()).toBe(0);
    await world.expectSound();
  });

  it('a channel answers 500: one warning, the same verdict', async () => {
    channel.fault = () => ({ status: 500 });
    const output = await build('');
    expect(resultOf(output)).toMatchObject({ exitCode: 0, status: 'succeeded' });
    expect(warnings(output.stderr)).toEqual([expect.stringMatching(/not notified: webhook: 500/) as string]);
    const failed = await build('-f nope');
    expect(failed.code).toBe(2);
    await world.expectSound();
  });

  it('a channel hangs: one warning, and no wait beyond its deadline', async () => {
    channel.fault = () => 'hang';
    const output = await build('');
    const result = resultOf(output);
    expect(result).toMatchObject({ exitCode: 0, status: 'succeeded' });
    expect(warnings(output.stderr)).toEqual([expect.stringMatching(/no answer within 10 s/) as string]);
    // Three tries of ten seconds and their pauses; what was told of the beginning is not waited for.
    expect(result.steps.find(({ name }) => name === 'notify')!.seconds).toBeLessThan(45);
    expect(await channel.open()).toBe(0);
    await world.expectSound();
  }, 120_000);
});
