import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { lab } from '../lab/environment.js';
import { leftovers, namedAfter } from './engine.js';
import { createRepository, credentials } from './repository.js';
import { startRunner } from './runner.js';

describe('a runner that was killed', () => {
  it.each([
    ['in a test container', '-t never.example/x:1 --no-push --test "sleep 1000"', /\$ sleep 1000/],
    ['between two tries to push', '--image 127.0.0.1:1/x -t 1 --push-retry 9', /try 2 of 10/],
  ])('%s leaves nothing once the next one has started', async (_, flags, until) => {
    await using repository = await createRepository({
      Dockerfile: `FROM ${lab('LAB_BASE_IMAGE')}\nRUN : ${randomUUID()}\n`,
    });
    const first = await startRunner();
    const client = first.open(`build --repo ${repository.url} ${flags} --credentials -`, {
      input: credentials(),
    });
    let seen = '';
    for (const stream of [client.stdout, client.stderr])
      stream.on('data', (data: Buffer) => (seen += data.toString()));
    while (!until.test(seen)) await setTimeout(20);
    await first.stop('SIGKILL');
    expect((await leftovers(first)).length).toBeGreaterThan(0);
    const before = await readdir(join(first.data, 'runners'));
    await using next = await startRunner({ BUILDBOT_DATA_DIR: first.data });
    // The dead runner's name is forgotten once nothing carries it.
    expect(await readdir(join(first.data, 'runners'))).not.toEqual(expect.arrayContaining(before));
    expect(await namedAfter(before)).toEqual([]);
    await next.stop();
    await first[Symbol.asyncDispose]();
  });
});
