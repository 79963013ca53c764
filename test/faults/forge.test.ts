import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lab } from '../lab/environment.js';
import { credentials } from '../scenarios/repository.js';
import { startHttpProxy, type HttpProxy } from './http-proxy.js';
import { startLimitedLink, type LimitedLink } from './tcp-limit.js';
import { createWorld, expectVerdict, resultOf, type World } from './world.js';

const token = () =>
  `git: { username: ${lab('LAB_GIT_HTTP_USERNAME')}, token: "${lab('LAB_GIT_HTTP_TOKEN')}" }`;

/** What does not compress, so that half of the pack is a good part of a megabyte. */
const noise = () => randomBytes(2e6).toString('base64');

describe('the forge', () => {
  let world: World;
  let http: HttpProxy;
  let ssh: LimitedLink;
  beforeAll(async () => {
    world = await createWorld({}, { noise: noise() });
    http = await startHttpProxy(new URL(lab('LAB_GIT_HTTP')).host);
    ssh = await startLimitedLink(new URL(lab('LAB_GIT_SSH')).host, { bytes: Infinity, how: 'cut' });
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await http[Symbol.asyncDispose]();
    await ssh[Symbol.asyncDispose]();
  });
  const sshUrl = () => world.repository.url.replace(/:\d+\//, `:${ssh.port}/`);
  const httpUrl = (area = 'public') => `http://${http.address}/${area}/${world.repository.name}.git`;
  const build = (url: string, flags = '', document = credentials()) =>
    world.build(`--repo ${url} --no-push --accept-new-host-key ${flags}`, { document }).ended;
  const unreachable = (line: RegExp) => ({
    code: 3,
    failure: { code: 'SOURCE_UNREACHABLE', step: 'source' },
    line,
  });

  it('cuts the pack half way, over ssh and http', async () => {
    ssh.limit = { bytes: 1e6, how: 'cut' };
    expectVerdict(await build(sshUrl()), unreachable(/the connection was cut/));
    http.fault = ({ method, url }) =>
      method === 'POST' && url!.endsWith('git-upload-pack') ? { cutAnswer: 1e6 } : undefined;
    expectVerdict(await build(httpUrl()), unreachable(/the connection was cut/));
    const left = (await readdir(join(world.data, 'git'), { recursive: true })).filter((name) =>
      /\/tmp_/.test(name),
    );
    expect(left).toEqual([]);
    ssh.limit = { bytes: Infinity, how: 'cut' };
    http.fault = () => undefined;
    expect(resultOf(await build(sshUrl())).exitCode).toBe(0);
    expect(resultOf(await build(httpUrl())).exitCode).toBe(0);
    await world.expectSound();
  });

  it('answers 500, and 429', async () => {
    for (const [status, line] of [
      [500, /error of its own/],
      [429, /come back later/],
    ] as const) {
      http.fault = () => ({ status, headers: { 'retry-after': '2' } });
      expectVerdict(await build(httpUrl()), unreachable(line));
    }
    await world.expectSound();
  });

  it('takes the token back', async () => {
    http.fault = () => undefined;
    expect(resultOf(await build(httpUrl('private'), '', token())).exitCode).toBe(0);
    const first = await world.repository.git('rev-parse', 'HEAD');
    http.fault = () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="lab"' } });
    const denied = {
      code: 3,
      failure: { code: 'SOURCE_DENIED', step: 'source' },
      line: /does not accept the token/,
    };
    expectVerdict(await build(httpUrl('private'), '', token()), denied);
    // What the forge said is believed at once, and not only when the old proof has run out.
    expectVerdict(await build(httpUrl('private'), `--revision ${first}`, token()), denied);
    http.fault = () => undefined;
    expect(resultOf(await build(httpUrl('private'), `--revision ${first}`, token())).exitCode).toBe(0);
    await world.expectSound();
  });

  it('has a name that nobody knows', async () => {
    for (const url of [
      'https://forge.invalid/a.git',
      'ssh://git@forge.invalid/a.git',
      'hg+https://forge.invalid/a',
    ])
      expectVerdict(await build(url), unreachable(/name of its host cannot be resolved/));
    await world.expectSound();
  });

  it('hangs: at the greeting over ssh, in the pack over ssh, and over http', async () => {
    await world.repository.commit({ noise: noise() });
    ssh.limit = { bytes: 1e6, how: 'stall' };
    await using silent = await startLimitedLink(new URL(lab('LAB_GIT_SSH')).host, {
      bytes: 0,
      how: 'stall',
    });
    http.fault = () => 'hang';
    const greeting = build(world.repository.url.replace(/:\d+\//, `:${silent.port}/`));
    const outputs = await Promise.all([greeting, build(sshUrl()), build(httpUrl())]);
    for (const output of outputs) expectVerdict(output, unreachable(/its host does not answer/));
    expect([silent.open(), ssh.open(), await http.open()]).toEqual([0, 0, 0]);
    await world.expectSound();
  }, 120_000);

  it("hangs longer than the build may take: the build's deadline ends it", async () => {
    http.fault = () => 'hang';
    const output = await build(httpUrl(), '--timeout 2s');
    expectVerdict(output, {
      code: 124,
      failure: { code: 'TIMEOUT', step: 'source' },
      line: /longer than 2\.0s/,
    });
    await expect.poll(() => http.open()).toBe(0);
    await world.expectSound();
  });
});
